// proto/asyncapi.json is a good AsyncAPI 3 document, and what is said on a real wire is what it says: each frame of a game is checked
// against it, without room for members it does not know.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'node:test';
import Ajv from 'ajv';
import { ROOT, figures, fleetTest, waitFor } from '../lib/fleet.mjs';

const document = JSON.parse(readFileSync(join(ROOT, 'proto/asyncapi.json'), 'utf8'));
const { messages } = document.components;
const require = createRequire(import.meta.url);

const follow = (pointer) => pointer.slice(2).split('/').reduce((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);

function* references(value) {
  if (value === null || typeof value !== 'object') return;
  if (typeof value.$ref === 'string') yield value.$ref;
  for (const inner of Object.values(value)) yield* references(inner);
}

test('it is an AsyncAPI 3.0 document, and its references lead somewhere', () => {
  const schema = require('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  const ajv = new Ajv({ strict: false, logger: false, validateFormats: false, unicodeRegExp: false });
  const valid = ajv.compile(schema);
  assert.ok(valid(document), JSON.stringify(valid.errors?.slice(0, 3), null, 2));
  for (const breakIt of [(d) => delete d.info.title, (d) => (d.operations.push.action = 'shout'), (d) => (d.channels.ws.adress = '/ws')]) {
    const broken = structuredClone(document);
    breakIt(broken);
    assert.equal(valid(broken), false, 'the schema sees mistakes');
  }
  const all = [...references(document)];
  assert.ok(all.length > 100);
  for (const pointer of all) assert.ok(follow(pointer), `${pointer} leads nowhere`);
});

// Closed: an object with named members has no others.
function closed(value) {
  if (Array.isArray(value)) return value.map(closed);
  if (value === null || typeof value !== 'object') return value;
  const copy = Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'examples').map(([key, inner]) => [key, closed(inner)]));
  return copy.type === 'object' && copy.properties ? { additionalProperties: false, ...copy } : copy;
}

const schemas = closed(document.components.schemas);
const ajv = new Ajv({ allErrors: true, keywords: ['components'] });
const validators = Object.fromEntries(
  Object.entries(messages).map(([name, { payload }]) => [name, ajv.compile({ ...closed(payload), components: { schemas } })]),
);

function conforms(name, frame) {
  const valid = validators[name];
  assert.ok(valid, `there is no ${name}: ${JSON.stringify(frame)}`);
  assert.ok(valid(frame), `${name}: ${JSON.stringify(frame)}: ${ajv.errorsText(valid.errors)}`);
  return name;
}

test('the examples are examples of their messages', () => {
  let count = 0;
  for (const [name, { examples = [] }] of Object.entries(messages)) {
    // of the updates the document shows both ways to send nothing at all: the level is left out with addToQueue only
    for (const { payload } of examples) conforms(name, payload), count++;
  }
  assert.ok(count > 50);
});

test('wrong frames are not let through', () => {
  const wrong = {
    joinMatchmakingRequest: { event: 'joinMatchmaking', id: 0, data: { level: 1 } },
    gameMessageRequest: { event: 'gameMessage', data: { message: 1 } },
    gameStartPush: { event: 'gameStart', room: 'r', data: { roomId: 'r' } },
    playerLeftPush: { event: 'playerLeft', room: 'r', seq: 1, data: { roomId: 'r', playerId: 'ann', reason: 'bored' } },
    refusal: { id: 1, ok: false, error: { code: 'NO_SUCH_CODE', message: 'm', retryable: false } },
    pingReply: { id: 1, ok: true, data: { serverTime: 1, more: 2 } },
  };
  for (const [name, frame] of Object.entries(wrong)) assert.equal(validators[name](frame), false, name);
});

// Checks all that a client says and hears from now on; returns the set of the messages seen.
function watched(client, seen) {
  const asked = new Map();
  const check = (name, frame) => seen.add(conforms(name, frame));
  const { socket } = client;
  const send = socket.send.bind(socket);
  socket.send = (text, ...more) => {
    const frame = JSON.parse(text);
    if (frame.id) asked.set(frame.id, frame.event);
    if (`${frame.event}Request` in messages) check(`${frame.event}Request`, frame);
    return send(text, ...more);
  };
  for (const { raw } of client.pushes) check(`${JSON.parse(raw).event}Push`, JSON.parse(raw));
  socket.on('message', (data) => {
    const frame = JSON.parse(data);
    if (frame.event) check(`${frame.event}Push`, frame);
    else check(frame.ok ? `${asked.get(frame.id)}Reply` : 'refusal', frame);
  });
  return client;
}

fleetTest('a game between two instances, frame by frame', async (fleet) => {
  const seen = new Set();
  const redis = await fleet.redis();
  const gateways = await fleet.gateways(2, { redis, env: { TICKET_TTL_MS: '5000' } });
  const open = async (i, playerId, options) => watched(await fleet.client(gateways[i], { playerId, ...options }), seen);
  const [ann, bob, cy] = [await open(0, 'ann'), await open(1, 'bob'), await open(0, 'cy', { hello: true })];
  await cy.send('hello', { playerId: 'cy' });
  await cy.next('welcome');

  await cy.send('joinMatchmaking', { level: 900 });
  await cy.fails('joinMatchmaking', { level: 901 });
  await cy.next('queueUpdate');
  await cy.next('ticketExpired');
  await cy.send('leaveMatchmaking');
  await cy.fails('gameMessage', { roomId: 'r_no', message: 1 });
  cy.tell('nonsense');
  await cy.next('error');
  await cy.send('ping');
  cy.tell('ping');
  await cy.next('pong');

  const { roomId } = await fleet.match(ann, bob);
  await ann.send('confirmJoined', { roomId });
  await ann.send('gameMessage', { roomId, message: { move: 'e4' } });
  await bob.next('gameMessage');
  await bob.send('gameMessage', { roomId, message: [0.5], volatile: true });
  await ann.next('gameMessage');
  await ann.send('updatePlayerState', { roomId, state: { hp: 9 } });
  await bob.next('playerStateUpdated');
  const { version } = await ann.send('updateGameData', { roomId, gameData: { a: [] }, turn: 1, expectedVersion: 0 });
  await bob.fails('updateGameData', { roomId, turn: 2, expectedVersion: 0 });
  await bob.send('setTurnDeadline', { roomId, ms: 100, expectedVersion: version });
  await ann.next('turnTimeout');
  await ann.send('getGameState', { roomId });
  ann.tell('getGameState', { roomId });
  await ann.next('gameState');
  bob.socket.terminate();
  await ann.next('opponentDisconnected');
  const back = await open(0, 'bob');
  await ann.next('opponentReconnected');
  await back.next('roomSnapshot');
  await ann.send('endGame', { roomId, result: 1 });
  await back.send('endGame', { roomId, result: 2 });
  await ann.next('error');
  for (const client of [ann, back]) await client.send('endGame', { roomId, result: { winner: 'ann' } });
  for (const client of [ann, back]) await client.next('roomCleanup');

  const second = await fleet.match(ann, back);
  await ann.send('leaveRoom', { roomId: second.roomId });
  await back.next('playerLeft');
  await back.next('gameEnd');
  await back.next('roomCleanup');
  const exit = gateways[0].sigterm();
  await ann.next('goodbye');
  await exit;

  const never = Object.keys(messages).filter((name) => !seen.has(name));
  // these need a ready check that fails, and a Redis that was replaced
  assert.deepEqual(never.sort(), ['matchCancelledPush', 'roomEpochPush']);
  figures(`${seen.size} of ${Object.keys(messages).length} kinds of message seen and as the document says`);
  await waitFor(() => ann.close);
});
