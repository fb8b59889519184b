// The checks of the house, on the repository as it stands. Each must find nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agreement } from './deploy.mjs';
import { hygiene, links } from './hygiene.mjs';
import { load } from './source.mjs';
import { cycles, fences, layers, manners, names, sizes, toured } from './structure.mjs';
import { documented, redisKeys, spokenOf, upToDate } from './tables.mjs';

const CHECKS = {
  'files and functions are short': sizes,
  'includes run downwards, by full paths': layers,
  'no modules include each other': cycles,
  'libraries stay behind their fences': fences,
  'names begin with their file': names,
  'heads, typedefs, notes': manners,
  'the tours lead through every module': toured,
  'tables stand in the documents': documented,
  'documents speak of what exists': spokenOf,
  'generated documents are up to date': upToDate,
  'Redis keys are declared': redisKeys,
  'deployment files agree': agreement,
  'links lead somewhere': links,
  'nothing of this machine, no secrets': hygiene,
};

const files = load();
for (const [name, check] of Object.entries(CHECKS)) {
  test(name, () => {
    const complaints = check(files);
    assert.equal(complaints.length, 0, `\n${complaints.join('\n')}`);
  });
}
