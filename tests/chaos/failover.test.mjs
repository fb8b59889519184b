// The same as chaos.test.mjs behind three sentinels: besides all else masters are killed and frozen, replicas cut off, failovers asked
// for.
// Takes 45 s.
import { shortRun } from './short.mjs';

shortRun('sentinel', 0.3);
