import { type ClientOptions, type RequestOptions, settingsOf } from '../settings.js';
import { Transport } from '../transport.js';
import { Agents } from './agents.js';
import { Enveloped } from './envelope.js';
import { Analyses, MetricsResource, Refactorings, System, Webhooks } from './reporting.js';
import type { AnalysisStarted, NewAnalysis, NewRefactoring, RefactoringStarted } from './reports.js';
import { Tasks } from './tasks.js';
import type { Decision, RouteRequest } from './types.js';

/** A client of ORCHEX. */
export class ORCHEX {
  /** The root of the server that is asked. */
  readonly baseUrl: string;
  readonly agents: Agents;
  readonly tasks: Tasks;
  readonly analyses: Analyses;
  readonly refactorings: Refactorings;
  readonly metrics: MetricsResource;
  readonly system: System;
  readonly webhooks: Webhooks;
  readonly #http: Enveloped;

  constructor(options: ClientOptions = {}) {
    const settings = settingsOf('ORCHEX', '/v1', options);
    const http = new Enveloped(new Transport(settings));
    this.#http = http;
    this.baseUrl = settings.baseUrl;
    this.agents = new Agents(http);
    this.tasks = new Tasks(http);
    this.analyses = new Analyses(http);
    this.refactorings = new Refactorings(http);
    this.metrics = new MetricsResource(http);
    this.system = new System(http);
    this.webhooks = new Webhooks(http);
  }

  /** Starts to analyse a repository. */
  analyze(analysis: NewAnalysis, options?: RequestOptions): Promise<AnalysisStarted> {
    return this.analyses.start(analysis, options);
  }

  /** Carries out an opportunity of an analysis. */
  refactor(refactoring: NewRefactoring, options?: RequestOptions): Promise<RefactoringStarted> {
    return this.refactorings.apply(refactoring, options);
  }

  /** Whom a task like this would go to now. Nothing is submitted. */
  route(asked: RouteRequest, options?: RequestOptions): Promise<Decision> {
    return this.#http.post('/v1/route', asked, options);
  }
}
