// A server that answers a client as it is told, and keeps what it was asked.
import { createServer } from 'node:http';

export const RESET = Symbol('the connection breaks');

/** Gives its answers in their order, the last one again and again. */
export async function scripted(t, ...answers) {
  const requests = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) {
      body += chunk;
    }
    const url = new URL(request.url, 'http://loopback');
    requests.push({ method: request.method, url, headers: request.headers, body });
    const next = answers.length > 1 ? answers.shift() : answers[0];
    const answer = typeof next === 'function' ? await next(url, request.headers) : next;
    if (answer === RESET) {
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(answer.status ?? 200, answer.headers ?? {});
    for (const piece of answer.pieces ?? []) {
      if (piece === RESET) {
        await new Promise((flushed) => setImmediate(flushed));
        response.destroy();
        return;
      }
      await new Promise((written) => response.write(piece, written));
    }
    response.end(answer.body ?? '');
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    baseUrl: `http://127.0.0.1:${server.address().port}`,
    requests,
    answers,
    get keys() {
      return requests.map(({ headers }) => headers['idempotency-key']);
    },
    get paths() {
      return requests.map(({ url }) => url.pathname);
    },
  };
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

export function orchex(data, status = 200) {
  return { status, headers: JSON_TYPE, body: JSON.stringify({ success: true, data, meta: {} }) };
}

export function refusal(status, code, details = {}, headers = {}) {
  const error = { code, message: 'No.', details };
  return {
    status,
    headers: { ...JSON_TYPE, 'X-Request-ID': 'req_1', ...headers },
    body: JSON.stringify({ success: false, error, meta: { request_id: 'req_1' } }),
  };
}

export function stream(...pieces) {
  return { headers: { 'Content-Type': 'text/event-stream' }, pieces };
}

export function frame(number) {
  const event = { type: 'stream', event: 'output', data: { n: number }, ts: '2026-01-01T00:00:00Z' };
  return `id: ${number}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** The events up to a number that a client does not have yet: fetch may lose some when it is cut. */
export function missing(headers, last) {
  const had = Number(headers['last-event-id'] ?? 0);
  return Array.from({ length: last - had }, (_, index) => frame(had + index + 1));
}

export const CONNECTED = 'event: connected\ndata: {"task_id":"task_1","status":"running"}\n\n';
export const DONE = 'event: done\ndata: {"task_id":"task_1","status":"completed"}\n\n';

/** No pause of the SDK's takes longer than a moment; what was asked for is kept. */
export function quick(t) {
  const pauses = [];
  const real = globalThis.setTimeout;
  t.mock.method(globalThis, 'setTimeout', (callback, milliseconds, ...rest) => {
    const isPause = new Error().stack.includes('retry.js'); // fetch has timers of its own
    if (isPause) {
      pauses.push(milliseconds);
    }
    return real(callback, isPause ? 1 : milliseconds, ...rest);
  });
  return pauses;
}
