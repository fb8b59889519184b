// Players who come, play and go, at random but by a printed seed: the load of the soak and of the tests under fire.
import { Client } from './client.mjs';
import { delay, now } from './wait.mjs';

// A small generator; the same seed gives the same choices. A counter, well mixed: the sequences of two seeds have nothing to do
// with each other, nor has one number with the next.
export function generator(seed) {
  let count = Math.imul(seed, 0x9e3779b1);
  return () => {
    count = (count + 0x9e3779b9) | 0;
    let mixed = Math.imul(count ^ (count >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

// What a partner's leaving, which races with everything we do, may answer; anything else is a failure.
const USUAL = /ROOM_NOT_FOUND|NOT_IN_ROOM|NOT_STARTED|ALREADY|is closed|was closed|(matchFound|gameStart|roomSnapshot) at/;

// options: ports() (where one may connect now), random, until (by now()), levels, usual (a RegExp of further errors that
// are part of the test). Counts into count: {lives, moves, matches, faults}.
export async function live(player, options, count) {
  while (now() < options.until) {
    let client;
    try {
      const ports = options.ports();
      client = await Client.open(ports[Math.floor(options.random() * ports.length)], { playerId: player });
      await play(client, options, count);
    } catch (error) {
      if (!USUAL.test(error.message) && !options.usual?.test(error.message)) throw error;
    }
    if (!client) {
      await delay(50); // refused at the door: like any client, not at once again
      continue;
    }
    oneMatchPerTicket(client, count);
    if (options.random() < 0.5) await client.drop();
    else await client.bye();
    count.lives++;
  }
}

async function play(client, { random, until, levels = 3 }, count) {
  const returned = client.welcome.rooms.length > 0;
  if (returned) await client.next('roomSnapshot', { timeoutMs: 2000 });
  else await client.send('joinMatchmaking', { level: 1 + Math.floor(random() * levels) });
  if (!returned && random() < 0.1) return void (await client.send('leaveMatchmaking', {}));
  const first = returned ? client.all('roomSnapshot')[0] : await client.next('matchFound', { timeoutMs: 2000 });
  const roomId = first.room;
  if (!returned) await client.next('gameStart', { timeoutMs: 2000 });
  for (let i = Math.floor(random() * 20); i > 0 && now() < until; i--) {
    if (random() < 0.3) client.tell('gameMessage', { roomId, message: i, volatile: true });
    else await client.send('gameMessage', { roomId, message: { i } });
    count.moves++;
    await delay(random() * 20);
  }
  const end = random();
  if (end < 0.4) await client.send('leaveRoom', { roomId });
  else if (end < 0.6) await client.send('endGame', { roomId, result: 'draw' });
}

// One joinMatchmaking, then one matchFound, and one more only for each matchCancelled that put the player back.
function oneMatchPerTicket(client, count) {
  const found = client.all('matchFound').length;
  const again = client.all('matchCancelled').filter((push) => push.data.requeued).length;
  count.matches += found;
  if (found > 1 + again) count.faults.push(`${client.name} was matched ${found} times with ${again} requeues`);
  let last = 0;
  for (const { seq, room } of client.pushes.filter((push) => push.seq !== undefined)) {
    if (room === client.seqRoom && seq <= last) count.faults.push(`${client.name} got ${seq} behind ${last} in ${room}`);
    client.seqRoom = room;
    last = seq;
  }
}

export const newCount = () => ({ lives: 0, moves: 0, matches: 0, faults: [] });
