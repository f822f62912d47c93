/**
 * Telling webhooks that Lemnos sent from those that anybody could have.
 *
 * Both of its signatures are known: `X-Signature-256` (HMAC-SHA256 of the body, GitHub's form) and
 * those of Standard Webhooks (https://www.standardwebhooks.com), which also bind the time.
 */
import { WebhookVerificationError } from './errors.js';

const TOLERANCE = 300; // seconds that a signed time may be off

type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** How to check. Times are in seconds. */
export interface VerifyOptions {
  tolerance?: number;
  now?: number;
}

/**
 * The content of a webhook that is signed with `secret`, from its raw body and its headers. Where
 * it carries the Standard Webhooks signature, that one must hold, its time included. Rejected with
 * WebhookVerificationError.
 */
export async function verify(
  body: string | Uint8Array,
  headers: HeadersLike,
  secret: string,
  options: VerifyOptions = {},
): Promise<Record<string, unknown>> {
  const bytes = typeof body === 'string' ? encode(body) : body;
  const found = lowered(headers);
  const isGenuine = found.has('webhook-signature')
    ? await isStandard(bytes, found, secret, options)
    : await isSigned(bytes, found.get('x-signature-256') ?? '', secret);
  if (!isGenuine) {
    throw new WebhookVerificationError('The webhook is not signed with this secret.');
  }
  return contentOf(bytes);
}

/** Whether `X-Signature-256` is this secret's. */
export async function isSigned(
  body: string | Uint8Array,
  signature: string,
  secret: string,
): Promise<boolean> {
  const hex = /^sha256=([0-9a-f]{64})$/.exec(signature)?.[1];
  if (hex === undefined) {
    return false;
  }
  const mac = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  return holds(encode(secret), mac, typeof body === 'string' ? encode(body) : body);
}

async function isStandard(
  body: Uint8Array,
  headers: ReadonlyMap<string, string>,
  secret: string,
  { tolerance = TOLERANCE, now = Date.now() / 1000 }: VerifyOptions,
): Promise<boolean> {
  const moment = headers.get('webhook-timestamp') ?? '';
  if (!/^\d+$/.test(moment)) {
    throw new WebhookVerificationError('The webhook has no valid time.');
  }
  const age = Math.abs(now - Number(moment));
  if (age > tolerance) {
    throw new WebhookVerificationError(`The webhook's time is ${Math.round(age)} seconds off.`);
  }
  const about = encode(`${headers.get('webhook-id') ?? ''}.${moment}.`);
  const signed = new Uint8Array([...about, ...body]);
  const key = standardKey(secret);
  // Several while a secret is being replaced.
  const signatures = (headers.get('webhook-signature') ?? '').split(' ');
  const verdicts = signatures.map(async (one) => {
    const mac = one.startsWith('v1,') ? fromBase64(one.slice(3)) : undefined;
    return mac !== undefined && (await holds(key, mac, signed));
  });
  return (await Promise.all(verdicts)).includes(true);
}

/** The key that a secret stands for: `whsec_<base64>`, else the secret's own bytes. */
function standardKey(secret: string): Bytes {
  const decoded = secret.startsWith('whsec_') ? fromBase64(secret.slice(6)) : undefined;
  return decoded ?? encode(secret);
}

type Bytes = Uint8Array<ArrayBuffer>;

async function holds(secret: Bytes, mac: Bytes, body: Uint8Array): Promise<boolean> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['verify']);
  return crypto.subtle.verify('HMAC', key, mac, new Uint8Array(body));
}

function fromBase64(text: string): Bytes | undefined {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function lowered(headers: HeadersLike): Map<string, string> {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  return new Map(entries.map(([name, value]) => [name.toLowerCase(), String(value ?? '')]));
}

function contentOf(body: Uint8Array): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new WebhookVerificationError('The webhook is not JSON.', { cause });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new WebhookVerificationError('The webhook is not a JSON object.');
  }
  return content as Record<string, unknown>;
}
