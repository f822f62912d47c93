import { type ClientOptions, type RequestOptions, settingsOf } from '../settings.js';
import { Transport, path } from '../transport.js';
import { Tasks } from './tasks.js';
import type { Callback, Done, Key, KeyVerified, McpServer, NewKey, Workspaces } from './types.js';

const KEYS = '/api/v1/keys';
const SERVERS = '/api/v1/mcp/servers';
const WORKSPACES = '/api/v1/workspaces';

/** `client.keys`: credentials for git hosts. */
export class Keys {
  constructor(private readonly http: Transport) {}

  register(key: NewKey, options?: RequestOptions): Promise<Done & { readonly provider: string }> {
    return this.http.send('POST', KEYS, { ...options, body: key });
  }

  /** Without their tokens. */
  async list(options?: RequestOptions): Promise<readonly Key[]> {
    return (await this.http.send<{ keys: readonly Key[] }>('GET', KEYS, options)).keys;
  }

  delete(name: string, options?: RequestOptions): Promise<Done> {
    return this.http.send('DELETE', path(KEYS, name), options);
  }

  /** Asks the key's host whether it accepts the token. */
  verify(name: string, asked: { repo_url?: string } = {}, options?: RequestOptions): Promise<KeyVerified> {
    return this.http.send('POST', path(KEYS, name, 'verify'), { ...options, query: asked });
  }
}

/** `client.mcpServers`: MCP servers that all agents may use. */
export class McpServers {
  constructor(private readonly http: Transport) {}

  register(server: McpServer, options?: RequestOptions): Promise<Done> {
    return this.http.send('POST', SERVERS, { ...options, body: server });
  }

  /** Their secrets redacted. */
  async list(options?: RequestOptions): Promise<readonly Required<McpServer>[]> {
    type Listed = { servers: readonly Required<McpServer>[] };
    return (await this.http.send<Listed>('GET', SERVERS, options)).servers;
  }

  delete(name: string, options?: RequestOptions): Promise<Done> {
    return this.http.send('DELETE', path(SERVERS, name), options);
  }
}

/** `client.workspaces`: checkouts on disk. */
export class WorkspacesResource {
  constructor(private readonly http: Transport) {}

  list(options?: RequestOptions): Promise<Workspaces> {
    return this.http.send('GET', WORKSPACES, options);
  }

  /** Frees the disk. Rejected with ConflictError while the task is at work. */
  delete(taskId: string, options?: RequestOptions): Promise<{ readonly task_id: string }> {
    return this.http.send('DELETE', path(WORKSPACES, taskId), options);
  }
}

/** `client.callbacks`: what was sent to callback URLs. `verify` tells whether one is genuine. */
export class Callbacks {
  constructor(private readonly http: Transport) {}

  /** Those of a task with each attempt, the newest first. */
  async list(taskId: string, options?: RequestOptions): Promise<readonly Callback[]> {
    const where = path('/api/v1/tasks', taskId, 'callbacks');
    return (await this.http.send<{ callbacks: readonly Callback[] }>('GET', where, options)).callbacks;
  }

  redeliver(callbackId: string, options?: RequestOptions): Promise<{ readonly id: string }> {
    return this.http.send('POST', path('/api/v1/callbacks', callbackId, 'redeliver'), options);
  }
}

/** A client of CodeForge. */
export class CodeForge {
  /** The root of the server that is asked. */
  readonly baseUrl: string;
  readonly tasks: Tasks;
  readonly keys: Keys;
  readonly mcpServers: McpServers;
  readonly workspaces: WorkspacesResource;
  readonly callbacks: Callbacks;
  readonly #http: Transport;

  constructor(options: ClientOptions = {}) {
    const settings = settingsOf('CODEFORGE', '/api/v1', options);
    const http = new Transport(settings);
    this.#http = http;
    this.baseUrl = settings.baseUrl;
    this.tasks = new Tasks(http);
    this.keys = new Keys(http);
    this.mcpServers = new McpServers(http);
    this.workspaces = new WorkspacesResource(http);
    this.callbacks = new Callbacks(http);
  }

  /** The state of every component, also when one is down. */
  health(options?: RequestOptions): Promise<{ readonly status: string; readonly version: string }> {
    return this.#http.send('GET', '/health', { ...options, also: 503 });
  }
}
