// Imported first: what is measured is the release build, unless the environment names another one.
import { fileURLToPath } from 'node:url';

process.env.MATCHGATE_BIN ??= fileURLToPath(new URL('../../build/release/matchgate', import.meta.url));
