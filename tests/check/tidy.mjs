// Runs clang-tidy over the files of build/clang/compile_commands.json, several at a time, and prints what it says.
//
//   node tests/check/tidy.mjs [jobs]
//
// A file that was clean and is still the same, with all it includes, is not looked at again: $XDG_CACHE_HOME/matchgate/tidy
// (~/.cache/matchgate/tidy) holds an empty file named by the hash of what the preprocessor makes of it, of its flags, of
// .clang-tidy, and of the version. Delete that folder to start anew.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const BUILD = 'build/clang';
const CLEAN = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'matchgate', 'tidy');

const run = (program, args, cwd) =>
  new Promise((done) => {
    execFile(program, args, { cwd, maxBuffer: 1 << 28 }, (error, stdout, stderr) => done({ failed: Boolean(error), stdout, stderr }));
  });

async function look({ file, command, directory }, common) {
  // comments stay, for NOLINT stands in them; line markers go, for they name folders
  const source = await run('sh', ['-c', command.replace(/ -o \S+ -c /, ' -E -C -P ')], directory);
  const hash = createHash('sha256').update(common).update(command.replaceAll(process.cwd(), '')).update(source.stdout);
  const mark = join(CLEAN, hash.digest('hex').slice(0, 40));
  if (!source.failed && existsSync(mark)) return;
  const { stdout, stderr, failed } = await run('clang-tidy', ['-p', BUILD, '--quiet', file]);
  const found = /(warning|error): /.test(stdout + stderr);
  if (found || failed) console.log(stdout + stderr + (found ? '' : `${file}: error: clang-tidy failed`));
  else if (!source.failed) writeFileSync(mark, '');
}

const jobs = Number(process.argv[2] ?? 2);
const commands = JSON.parse(readFileSync(join(BUILD, 'compile_commands.json'), 'utf8'));
const entries = [...new Map(commands.map((entry) => [entry.file, entry])).values()].filter(({ file }) => !file.includes(`/${BUILD}/`));
const common = readFileSync('.clang-tidy', 'utf8') + (await run('clang-tidy', ['--version'])).stdout;
mkdirSync(CLEAN, { recursive: true });
if (entries.length === 0) console.log('compile_commands.json: error: nothing to look at');
await Promise.all(
  Array.from({ length: jobs }, async () => {
    while (entries.length > 0) await look(entries.shift(), common);
  }),
);
