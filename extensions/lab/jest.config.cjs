/** Models and widgets in jsdom; packages of JupyterLab are modules of today, which Jest has to be given as those of old. */
module.exports = {
  testEnvironment: 'jsdom',
  roots: ['<rootDir>/tests'],
  transform: { '^.+\\.(t|j)sx?$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript', tsx: true }, transform: { react: { runtime: 'classic' } } } }] },
  transformIgnorePatterns: ['/node_modules/(?!(@jupyter|@jupyterlab|@lumino|@microsoft|@rjsf|y-protocols|yjs|lib0|exenv-es6|uuid)/)'],
  moduleNameMapper: { '\\.css$': '<rootDir>/tests/nothing.cjs', '\\.svg$': '<rootDir>/tests/picture.cjs' },
  setupFiles: ['<rootDir>/tests/browser.cjs']
};
