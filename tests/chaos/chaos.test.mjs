// Three instances, their store, bad lines between everything, and a crowd that plays, while at random moments something breaks. How
// long, and which seed: see short.mjs. The world of Sentinel has a file of its own, so that both run side by side.
// Takes 70 s.
import { shortRun } from './short.mjs';

shortRun('plain', 0.5);
shortRun('lossy', 0.2);
