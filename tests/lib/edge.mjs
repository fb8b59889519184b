// Drives tests/e2e/edge_server.c: the gateway's edge (gateway/server.h) alone, through raw sockets.
//
//   edgeTest('what is true', {ping_ms: 100}, async (edge) => { const ws = await edge.greeted(); ... });
//   runEdgeTests('the edge: closing');
//
// Each test has a server of its own, which is ended by SIGTERM and must then exit with 0 and without a sanitizer report.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { parseMetrics } from './prom.mjs';
import { Proc } from './proc.mjs';
import { RawHttp, RawWs } from './raw_ws.mjs';
import { ROOT } from './servers.mjs';
import { waitFor } from './wait.mjs';

const DIR = process.env.MATCHGATE_BIN ? dirname(process.env.MATCHGATE_BIN) : join(ROOT, 'build/dev');
export const EDGE_SERVER = process.env.EDGE_SERVER ?? join(DIR, 'edge_server');

export class Edge extends Proc {
  static async start({ nofile = 1024, ...options }) {
    const args = Object.entries(options).map((pair) => pair.join('='));
    const edge = new Edge('edge_server', 'prlimit', [`--nofile=${nofile}`, EDGE_SERVER, ...args]);
    await waitFor(() => edge.exit || edge.output.includes('listening 0 '), { what: 'edge_server to listen' });
    assert.equal(edge.exit, null, edge.output);
    edge.port = Number(edge.output.match(/^listening 0 (\d+)/m)[1]);
    return edge;
  }

  ws(options) {
    return RawWs.open(this.port, options);
  }

  http() {
    return new RawHttp(this.port);
  }

  // A connection whose welcome has been taken off.
  async greeted(options) {
    const ws = await this.ws(options);
    assert.match(await ws.message(), /^welcome /);
    return ws;
  }

  // Waits for the server's own word about an end; returns its number of occurrences.
  async sawClose(code, count = 1) {
    const found = () => [...this.output.matchAll(new RegExp(`^closed \\d+ ${code} .*$`, 'gm'))].length;
    await waitFor(() => found() >= count, { what: `${count} × closed ${code}` });
    return found();
  }

  async metrics() {
    const http = this.http().send('GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    return parseMetrics((await http.response()).body);
  }
}

// options: those of the program; nofile: how many files it may open.
const all = [];
export function edgeTest(name, options, run) {
  all.push([name, async () => {
    const edge = await Edge.start(options);
    let failed = true;
    try {
      await run(edge);
      failed = false;
    } finally {
      if (failed) console.error(edge.output.split('\n').slice(-40).join('\n'));
      const exit = await edge.end();
      if (!failed) {
        assert.deepEqual(exit, { code: 0, signal: null }, edge.output.slice(-4000));
        assert.equal(edge.sanitizer, false, edge.output.slice(-4000));
      }
    }
  }]);
}

// A few at a time, since many of them wait.
export function runEdgeTests(title) {
  test(title, { concurrency: 3 }, (t) => Promise.all(all.map(([name, run]) => t.test(name, { timeout: 90000 }, run))));
}

export const GET = (path, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
export const POST = (path, body, headers = `Content-Length: ${body.length}\r\n`) => `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`;
