import tseslint from 'typescript-eslint';

export default tseslint.config({ ignores: ['**/*.cjs'] }, ...tseslint.configs.recommendedTypeChecked, {
  languageOptions: { parserOptions: { project: './tsconfig.tests.json', tsconfigRootDir: import.meta.dirname } },
  rules: {
    '@typescript-eslint/no-floating-promises': 'error',
    '@typescript-eslint/no-misused-promises': 'error',
    // Lumino's signals take a method and the object to call it on.
    '@typescript-eslint/unbound-method': 'off'
  }
});
