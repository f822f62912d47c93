import { TaskCancelledError, TaskFailedError } from '../errors.js';
import { Pages } from '../pages.js';
import type { RequestOptions } from '../settings.js';
import { path } from '../transport.js';
import { type WaitOptions, wait } from '../waiting.js';
import type { Enveloped } from './envelope.js';
import type {
  AgentMetrics,
  Analysis,
  AnalysisBrief,
  AnalysisFilter,
  AnalysisStarted,
  Delivery,
  DeliveryAccepted,
  FileMetrics,
  IssuedWebhook,
  Metrics,
  NewAnalysis,
  NewRefactoring,
  NewWebhook,
  Period,
  Refactoring,
  RefactoringStarted,
  SystemHealth,
  SystemStatus,
  Webhook,
} from './reports.js';

const ANALYZE = '/v1/analyze';
const REFACTOR = '/v1/refactor';
const WEBHOOKS = '/v1/webhooks';

/** `client.analyses`. */
export class Analyses {
  constructor(private readonly http: Enveloped) {}

  /** Starts to analyse a repository, by its path on the server or by its URL. */
  start(analysis: NewAnalysis, options?: RequestOptions): Promise<AnalysisStarted> {
    return this.http.post(ANALYZE, analysis, options);
  }

  /** An analysis, with its results once it is completed. */
  get(analysisId: string, options?: RequestOptions): Promise<Analysis> {
    return this.http.get(path(ANALYZE, analysisId), {}, options);
  }

  /** The analyses, the newest first. */
  list(filter: AnalysisFilter = {}, options?: RequestOptions): Pages<AnalysisBrief> {
    return new Pages(this.http.list<AnalysisBrief>(ANALYZE, 'analyses', { ...filter }, options));
  }

  /** All files of an analysis, the worst first. */
  files(analysisId: string, page: { limit?: number } = {}, options?: RequestOptions): Pages<FileMetrics> {
    const where = path(ANALYZE, analysisId, 'files');
    return new Pages(this.http.list<FileMetrics>(where, 'files', page, options));
  }

  /** The analysis when it is completed. Rejected with TaskFailedError, WaitTimeoutError. */
  async wait(analysisId: string, options: WaitOptions = {}): Promise<Analysis> {
    const look = (patience: RequestOptions): Promise<Analysis> => this.get(analysisId, patience);
    const rests = ({ status }: Analysis): boolean => status === 'completed' || status === 'failed';
    const found = await wait(this.http.http, { look, rests }, options);
    if (found.status === 'failed') {
      throw new TaskFailedError(`${analysisId} failed: ${found.error?.message}`, found);
    }
    return found;
  }
}

/** `client.refactorings`. */
export class Refactorings {
  constructor(private readonly http: Enveloped) {}

  /**
   * Carries out an opportunity of an analysis. Rejected with ConflictError (reason `file_changed`)
   * when the file is not what was analysed.
   */
  apply(refactoring: NewRefactoring, options?: RequestOptions): Promise<RefactoringStarted> {
    return this.http.post(REFACTOR, refactoring, options);
  }

  /** A refactoring as it is now. */
  get(refactoringId: string, options?: RequestOptions): Promise<Refactoring> {
    return this.http.get(path(REFACTOR, refactoringId), {}, options);
  }

  /** The refactorings, the newest first. */
  list(page: { limit?: number } = {}, options?: RequestOptions): Pages<Refactoring> {
    return new Pages(this.http.list<Refactoring>(REFACTOR, 'refactorings', page, options));
  }

  /** Ends a refactoring, with nothing left of it. */
  cancel(refactoringId: string, options?: RequestOptions): Promise<{ readonly status: string }> {
    return this.http.delete(path(REFACTOR, refactoringId), {}, options);
  }

  /**
   * The refactoring when it has ended, also when it was rolled back. Rejected with
   * TaskFailedError, TaskCancelledError, WaitTimeoutError.
   */
  async wait(refactoringId: string, options: WaitOptions = {}): Promise<Refactoring> {
    const look = (patience: RequestOptions): Promise<Refactoring> => this.get(refactoringId, patience);
    const rests = ({ status }: Refactoring): boolean => status !== 'running';
    const found = await wait(this.http.http, { look, rests }, options);
    if (found.status === 'failed') {
      throw new TaskFailedError(`${refactoringId} failed: ${found.error?.message}`, found);
    }
    if (found.status === 'cancelled') {
      throw new TaskCancelledError(`${refactoringId} was cancelled.`, found);
    }
    return found;
  }
}

/** `client.metrics`. */
export class MetricsResource {
  constructor(private readonly http: Enveloped) {}

  /** What all agents did in a period. */
  get(
    asked: { period?: Period; metric_type?: 'performance' | 'cost' | 'quality' } = {},
    options?: RequestOptions,
  ): Promise<Metrics> {
    return this.http.get('/v1/metrics', asked, options);
  }

  /** What one agent did; `detailed` adds breakdowns. */
  agent(
    agentId: string,
    asked: { period?: Period; detailed?: boolean } = {},
    options?: RequestOptions,
  ): Promise<AgentMetrics> {
    return this.http.get(path('/v1/metrics/agents', agentId), asked, options);
  }
}

/** `client.system`. */
export class System {
  constructor(private readonly http: Enveloped) {}

  /** The state of each component, and agents by health; also when it is not healthy. */
  async health(options?: RequestOptions): Promise<SystemHealth> {
    const asked = { ...options, also: 503 };
    return (await this.http.http.send<{ data: SystemHealth }>('GET', '/v1/health', asked)).data;
  }

  /** Components, queue and speed in detail. */
  status(options?: RequestOptions): Promise<SystemStatus> {
    return this.http.get('/v1/status', {}, options);
  }
}

/** `client.webhooks`: where events are sent. `verify` tells whether one is genuine. */
export class Webhooks {
  constructor(private readonly http: Enveloped) {}

  /** Sends events to a URL. */
  create(webhook: NewWebhook, options?: RequestOptions): Promise<IssuedWebhook> {
    return this.http.post(WEBHOOKS, webhook, options);
  }

  /** The webhooks, the newest first. */
  async list(options?: RequestOptions): Promise<readonly Webhook[]> {
    type Listed = { readonly webhooks: readonly Webhook[] };
    return (await this.http.get<Listed>(WEBHOOKS, {}, options)).webhooks;
  }

  get(webhookId: string, options?: RequestOptions): Promise<Webhook> {
    return this.http.get(path(WEBHOOKS, webhookId), {}, options);
  }

  /** Changes what is given. A new secret replaces the old one at once. */
  update(webhookId: string, patch: Partial<NewWebhook>, options?: RequestOptions): Promise<Webhook> {
    return this.http.put(path(WEBHOOKS, webhookId), patch, options);
  }

  delete(webhookId: string, options?: RequestOptions): Promise<void> {
    return this.http.delete(path(WEBHOOKS, webhookId), {}, options);
  }

  /** Replaces the secret; for the overlap, the old one signs too. */
  rotate(
    webhookId: string,
    how: { secret?: string; overlap_seconds?: number } = {},
    options?: RequestOptions,
  ): Promise<IssuedWebhook> {
    return this.http.post(path(WEBHOOKS, webhookId, 'rotate'), how, options);
  }

  /** Sends a test event. */
  test(webhookId: string, options?: RequestOptions): Promise<DeliveryAccepted> {
    return this.http.post(path(WEBHOOKS, webhookId, 'test'), undefined, options);
  }

  /** What was sent, the newest first, with each attempt. */
  async deliveries(webhookId: string, options?: RequestOptions): Promise<readonly Delivery[]> {
    const where = path(WEBHOOKS, webhookId, 'deliveries');
    type Listed = { readonly deliveries: readonly Delivery[] };
    return (await this.http.get<Listed>(where, {}, options)).deliveries;
  }

  /** Sends something again. */
  redeliver(deliveryId: string, options?: RequestOptions): Promise<DeliveryAccepted> {
    return this.http.post(path(WEBHOOKS, 'deliveries', deliveryId, 'redeliver'), undefined, options);
  }
}
