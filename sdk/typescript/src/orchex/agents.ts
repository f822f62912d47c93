import { Pages } from '../pages.js';
import type { RequestOptions } from '../settings.js';
import { path } from '../transport.js';
import type { Enveloped } from './envelope.js';
import type { Agent, AgentPatch, AgentRegistered, AgentState, AgentSummary, NewAgent } from './types.js';

const ROOT = '/v1/agents';

/** `client.agents`: the registry of agents. */
export class Agents {
  constructor(private readonly http: Enveloped) {}

  /** Registers an agent. Rejected with ConflictError when the id is taken. */
  register(agent: NewAgent, options?: RequestOptions): Promise<AgentRegistered> {
    return this.http.post(ROOT, agent, options);
  }

  /** The agents; `limit` is the size of a page. */
  list(
    filter: { provider?: string; capability?: string; status?: AgentState; limit?: number } = {},
    options?: RequestOptions,
  ): Pages<AgentSummary> {
    return new Pages(this.http.list<AgentSummary>(ROOT, 'agents', filter, options));
  }

  /** One agent with its health and performance. */
  get(agentId: string, options?: RequestOptions): Promise<Agent> {
    return this.http.get(path(ROOT, agentId), {}, options);
  }

  /** Changes what is given; `constraints` and `config` are merged into what is there. */
  update(agentId: string, patch: AgentPatch, options?: RequestOptions): Promise<Agent> {
    return this.http.put(path(ROOT, agentId), patch, options);
  }

  /** Removes an agent. Rejected with ConflictError while it works, unless forced. */
  delete(agentId: string, how: { force?: boolean } = {}, options?: RequestOptions): Promise<void> {
    return this.http.delete(path(ROOT, agentId), how, options);
  }
}
