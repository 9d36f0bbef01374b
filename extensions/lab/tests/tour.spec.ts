import { shouldInvite, tour } from '../src/model/tour';
import { trans } from './support';

interface IStep {
  target: string;
  title: string;
  content: string;
}

it.each([
  ['at first', {}, true],
  ['when it was let pass twice', { invitations: 2 }, true],
  ['no more when it was let pass three times', { invitations: 3 }, false],
  ['no more when it was taken or declined', { done: true }, false]
])('is proposed %s', (_, memory, invited) => {
  expect(shouldInvite(memory)).toBe(invited);
});

it('shows each place with a title and a sentence', () => {
  const steps = tour(trans).steps as unknown as IStep[];
  expect(steps.length).toBeGreaterThan(4);
  expect(new Set(steps.map(step => step.target)).size).toBe(steps.length);
  for (const { title, content } of steps) {
    expect(title).not.toMatch(/\.$/);
    expect(content).toMatch(/\.$/);
  }
});
