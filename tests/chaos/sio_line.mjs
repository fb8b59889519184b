// What a player's line says and hears in the Socket.IO dialect: packets as socket.io-client 4 sends and reads them.
//
// It is written from PROTOCOL.md and from what that client does, and keeps what the client keeps: its pid, and as its offset the last
// argument of any event that is a text. What it brings back is all that it knows of its session; what it had asked and was not
// answered is asked no more. Frames come out as those of the native dialect; what they lack there stays undefined: ts, and the number
// of an event that ends a room (`last`).
const ENDS = ['roomCleanup', 'matchCancelled'];
const RESUMES_ONE_ROOM = /^(.+)\/(\d+)\/(\d+)$/;

export class SocketIoWire {
  resends = false;
  #pid;
  #offset;
  #brought = {}; // pid and offset of the present connection
  #recovered = false;

  address(url) {
    url.pathname = '/socket.io/';
    url.searchParams.set('EIO', '4');
    url.searchParams.set('transport', 'websocket');
  }

  opened() {} // the server speaks first

  // Up to where the room of the offset was seen: {room: number}.
  get said() {
    const [, room, , seq] = this.#brought.offset?.match(RESUMES_ONE_ROOM) ?? [];
    return room ? { [room]: Number(seq) } : {};
  }

  asks(roomId) {
    return roomId in this.said;
  }

  // The place of the last event: {room, seq}, or null in no room.
  get place() {
    const [, room, , seq] = this.#offset?.match(RESUMES_ONE_ROOM) ?? [];
    return room ? { room, seq: Number(seq) } : null;
  }

  #hello(line) {
    this.#brought = line.resuming ? { pid: this.#pid, offset: this.#offset } : {};
    line.write(`40${JSON.stringify({ ...this.#brought, ...line.identity })}`);
  }

  #connected({ pid }) {
    if (this.#brought.pid === undefined) this.#offset = undefined; // another device, as it were
    this.#recovered = pid !== undefined && pid === this.#brought.pid;
    this.#pid = pid;
  }

  write({ event, id, data }) {
    const args = data === undefined ? [event] : [event, data];
    return `42${id === undefined ? '' : id - 1}${JSON.stringify(args)}`;
  }

  // A frame, or null.
  read(text, line) {
    if (text === '2') line.write('3');
    else if (text[0] === '0') this.#hello(line);
    else if (text.startsWith('40')) this.#connected(JSON.parse(text.slice(2)));
    else if (text.startsWith('44')) return { event: 'error', data: JSON.parse(text.slice(2)).data };
    else if (text.startsWith('43')) return this.#reply(text.slice(2));
    else if (text.startsWith('42')) return this.#event(JSON.parse(text.slice(2)), line);
    else if (text !== '41') line.complain(`${line.name} cannot read ${text.slice(0, 60)}`);
    return null;
  }

  #reply(text) {
    const digits = text.match(/^\d+/)[0];
    return { id: Number(digits) + 1, ...JSON.parse(text.slice(digits.length))[0] };
  }

  #event([event, data, offset], line) {
    const [, room, epoch, seq] = (typeof offset === 'string' && offset.match(RESUMES_ONE_ROOM)) || [];
    if (typeof offset === 'string') this.#offset = offset;
    if (event === 'welcome' && data.recovered !== this.#recovered)
      line.complain(`I7 ${line.name} is told recovered ${data.recovered}, and by the pid ${this.#recovered}`);
    const frame = { event, data, room: room ?? data?.roomId };
    if (ENDS.includes(event)) return { ...frame, last: data.reason !== 'gone' && data.reason !== 'left' };
    return room && !['roomSnapshot', 'seen'].includes(event) ? { ...frame, seq: Number(seq), epoch: Number(epoch) } : frame;
  }
}
