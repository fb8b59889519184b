// The Socket.IO players of a chaos run: what they make of packets, and that they notice when an offset lies. Without any server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Crowd } from './crowd.mjs';
import { SocketIoWire } from './sio_line.mjs';

// A wire on a line that keeps what is written and complained of.
function open({ resuming = false, wire = new SocketIoWire() } = {}) {
  const line = { name: 'ann', identity: { playerId: 'ann' }, resuming, written: [], complaints: [] };
  line.write = (text) => line.written.push(text);
  line.complain = (text) => line.complaints.push(text);
  return { wire, line, hears: (text) => wire.read(text, line) };
}

test('frames as those of the native dialect; pings are answered', () => {
  const { wire, line, hears } = open();
  assert.equal(hears('0{"sid":"e_1"}'), null);
  assert.equal(hears('40{"sid":"s_1","pid":"p1"}'), null);
  assert.deepEqual(hears('42["welcome",{"recovered":false}]').event, 'welcome');
  assert.deepEqual(hears('42["gameMessage",{"message":1},"r_1/2/7"]'), { event: 'gameMessage', data: { message: 1 }, room: 'r_1', seq: 7, epoch: 2 });
  assert.deepEqual(hears('42["roomSnapshot",{"roomId":"r_1","seq":8},"r_1/2/8"]'), { event: 'roomSnapshot', data: { roomId: 'r_1', seq: 8 }, room: 'r_1' });
  assert.deepEqual(hears('430[{"ok":true,"data":{"seq":9}}]'), { id: 1, ok: true, data: { seq: 9 } });
  assert.equal(hears('2'), null);
  assert.deepEqual(line.written, ['40{"playerId":"ann"}', '3']);
  assert.equal(wire.write({ event: 'ping' }), '42["ping"]');
  assert.equal(wire.write({ event: 'gameMessage', id: 5, data: { n: 1 } }), '424["gameMessage",{"n":1}]');
  for (const [reason, last] of [['agreed', true], ['gone', false], ['left', false]])
    assert.equal(hears(`42["roomCleanup",{"roomId":"r_1","reason":"${reason}"},"-"]`).last, last);
  assert.deepEqual(line.complaints, []);
  hears('6');
  assert.match(line.complaints[0], /ann cannot read 6/);
});

test('pid and offset as the stock client keeps them, and what it says it has seen', () => {
  const { wire, hears } = open();
  hears('0{}');
  hears('40{"pid":"p1"}');
  hears('42["seen",{"roomId":"r_1","seq":7},"r_1/1/7"]');
  hears('42["pong",{}]');
  assert.deepEqual([wire.said, wire.place], [{}, { room: 'r_1', seq: 7 }]);
  const again = open({ resuming: true, wire });
  again.hears('0{}');
  assert.deepEqual(again.line.written, ['40{"pid":"p1","offset":"r_1/1/7","playerId":"ann"}']);
  assert.deepEqual(wire.said, { r_1: 7 });
  again.hears('40{"pid":"p1"}');
  again.hears('42["welcome",{"recovered":true}]');
  assert.deepEqual(again.line.complaints, []);
  const device = open({ wire }); // the line breaks before the answer: what was known still is
  device.hears('0{}');
  assert.deepEqual(device.line.written, ['40{"playerId":"ann"}']);
  assert.deepEqual([wire.said, wire.place], [{}, { room: 'r_1', seq: 7 }]);
  device.hears('40{"pid":"p2"}');
  assert.equal(wire.place, null);
});

test('I7: the pid and the welcome do not say the same', () => {
  const { line, hears } = open();
  hears('0{}');
  hears('40{"pid":"p1"}');
  hears('42["welcome",{"recovered":true}]');
  assert.match(line.complaints[0], /I7 ann is told recovered true, and by the pid false/);
});

test('I7: an offset that is not where the player is; the share of those who speak Socket.IO', async () => {
  const crowd = new Crowd({ count: 8, seed: 1, socketio: 0.25, urls: () => [], patienceMs: 100 });
  const wires = crowd.players.map(({ wire }) => wire instanceof SocketIoWire);
  assert.deepEqual(wires, [false, false, false, true, false, false, false, true]);
  for (const [i, player] of crowd.players.entries()) {
    player.welcome = {};
    const view = crowd.record.view(player.name, 'r_1');
    crowd.record.snapshot(view, 4);
    player.room = { id: 'r_1', view, started: true };
    if (wires[i]) player.wire.read(`42["seen",{},"r_1/1/${i === 3 ? 4 : 3}"]`, player);
  }
  const violations = await crowd.finish();
  assert.equal(violations.length, 1, JSON.stringify(violations));
  assert.match(violations[0], /I7 would recover from elsewhere than where they are: c7: \{"room":"r_1","seq":3\}, but has seen r_1 up to 4/);
});
