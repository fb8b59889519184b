// The panel that shows what goes on behind the game: the line, its latency, numbers, the events as they come, and the button
// that leaves this gateway for another one.
import { $, element, gatewayName, setText } from './page.js';

const LOG_MAX = 60;
const TOLD = ['playerId', 'opponentId', 'reason', 'version', 'position', 'playersAmount', 'code'];

export class Panel {
  #reconnects = 0;

  /** on: {hop()}. */
  constructor(on) {
    $('hop').onclick = () => on.hop();
    if (matchMedia('(max-width: 900px)').matches) $('more').open = false;
  }

  /** Facts by the names of their elements; null = not known. */
  info(facts) {
    for (const [name, text] of Object.entries(facts)) setText(`info-${name}`, text ?? '–');
  }

  connected({ playerId, instanceId, durable }, again) {
    if (again) this.#reconnects++;
    this.info({ player: playerId, gateway: gatewayName(instanceId), instance: instanceId, reconnects: this.#reconnects });
    this.info({ store: durable ? 'Redis: rooms outlive a gateway' : 'memory: one gateway alone' });
    this.log(again ? 'connected again' : 'connected', gatewayName(instanceId), 'good');
  }

  /** May the player hop now? */
  mayHop(may) {
    $('hop').disabled = !may;
  }

  /** What Hopper.hop() resolved with. */
  hopped({ from, to, ms, recovered }) {
    const missed = recovered ? 'nothing missed' : 'by a snapshot';
    const names = from === to ? `${gatewayName(to)} again, there seems to be no other` : `${gatewayName(from)} → ${gatewayName(to)}`;
    setText('hop-text', `${names}, ${ms}\u00a0ms, ${missed}`);
    this.log('hop', $('hop-text').textContent, 'good');
  }

  /** What a curious visitor wants to see: neither pings nor where a pointer moved. */
  push({ event, seq, data }) {
    if (data.message?.at !== undefined) return;
    if (seq) this.info({ seq });
    const parts = TOLD.filter((key) => data[key] !== undefined).map((key) => `${key} ${data[key]}`);
    this.log(event, [seq ? `no. ${seq}` : '', ...parts].filter(Boolean).join(', '));
  }

  /** The client's option debug: what it sends. */
  sent(direction, text) {
    if (direction !== '>') return;
    const { event, id, data } = JSON.parse(text);
    if (event !== 'ping' && !data.volatile) this.log(`→ ${event}`, id ? `request ${id}` : '', 'sent');
  }

  log(event, more = '', kind = '') {
    const item = element('li', kind);
    const time = new Date().toTimeString().slice(0, 8);
    item.append(element('time', '', time), element('b', '', event), element('span', '', more));
    $('log').prepend(item);
    while ($('log').children.length > LOG_MAX) $('log').lastChild.remove();
  }
}
