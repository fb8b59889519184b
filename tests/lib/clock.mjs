// The wall clock of one process, set forward and back while it runs; its monotonic clock goes on.
//
//   const clock = fleet.keep(new Clock());                    // compiles tests/chaos/clock_step.c once
//   const a = await fleet.gateway({ redis, env: clock.env });
//   clock.step(-3600000);                                     // for `a` it is an hour earlier now
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, closeSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ASAN_OPTIONS, ROOT } from './servers.mjs';

let library = null;

function compiled() {
  if (library) return library;
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  library = join(ROOT, 'build', `clock_step-${process.pid}.so`);
  execFileSync('cc', ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library, join(ROOT, 'tests/chaos/clock_step.c')]);
  process.on('exit', () => rmSync(library, { force: true }));
  return library;
}

export class Clock {
  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), 'matchgate-clock-'));
    this.file = openSync(join(this.dir, 'offset'), 'w+');
    this.step(0);
    // ASan wants to be the first library, but can be the second.
    this.env = {
      LD_PRELOAD: compiled(),
      MG_CLOCK_FILE: join(this.dir, 'offset'),
      ASAN_OPTIONS: `${ASAN_OPTIONS}:verify_asan_link_order=0`,
    };
  }

  step(ms) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(Math.round(ms)));
    writeSync(this.file, bytes, 0, 8, 0);
    this.ms = ms;
  }

  async close() {
    closeSync(this.file);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
