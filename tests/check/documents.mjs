// Writes the documents that are made from tables (see tables.mjs): node tests/check/documents.mjs
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, load } from './source.mjs';
import { generated } from './tables.mjs';

for (const [path, text] of Object.entries(generated(load()))) {
  writeFileSync(join(ROOT, path), text);
  console.log(path);
}
