// A moving picture from PNGs of one size and kind (https://www.w3.org/TR/png-3/): wrapped anew, and packed as small as it goes.
//
// Each picture is laid over those before it, so from the second one on it need only hold what has changed.

import { deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type, data) {
  const whole = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), data, Buffer.alloc(4)]);
  whole.writeUInt32BE(data.length, 0);
  whole.writeUInt32BE(crc32(whole.subarray(4, -4)), whole.length - 4);
  return whole;
}

const numbers = (...values) => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
  return bytes;
};

function* chunksOf(png) {
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    yield [png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + length)];
    at += length + 12;
  }
}

const partOf = (png, type) => Buffer.concat([...chunksOf(png)].filter(([name]) => name === type).map(([, data]) => data));

/** frames: [{png, ms}, ...]; the last one stays for its ms, then all begins anew. */
export function apng(frames) {
  const header = partOf(frames[0].png, 'IHDR');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const parts = [SIGNATURE, chunk('IHDR', header), chunk('acTL', numbers(frames.length, 0))];
  let sequence = 0;
  for (const [i, { png, ms }] of frames.entries()) {
    if (!partOf(png, 'IHDR').equals(header)) throw new Error(`picture ${i} is of another size or kind than the first`);
    const control = Buffer.concat([numbers(sequence++, width, height, 0, 0), Buffer.alloc(6)]);
    control.writeUInt16BE(Math.round(ms), 20);
    control.writeUInt16BE(1000, 22);
    control[25] = 1; // over what is there
    const data = deflateSync(inflateSync(partOf(png, 'IDAT')), { level: 9 });
    parts.push(chunk('fcTL', control), i ? chunk('fdAT', Buffer.concat([numbers(sequence++), data])) : chunk('IDAT', data));
  }
  return Buffer.concat([...parts, chunk('IEND', Buffer.alloc(0))]);
}
