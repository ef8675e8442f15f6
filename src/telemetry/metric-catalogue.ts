/**
 * The catalogue of metrics: every one that the daemon has, its type, its labels, and what it means.
 *
 * Names are API. Times are in seconds and sizes in bytes, as Prometheus wants them. No label has ids, owners,
 * sessions or paths as its values: what nobody bounds would make a series for each client.
 */

/** Before each name. */
export const METRIC_PREFIX = 'slotkeeper_';

/** What the values of a label are. */
export const labelMeanings = {
  kind: 'class of the run: `exec`, `agent`, `tool`, or one that has a limit; else `other`, and `none` without a kind',
  code: 'refusal code',
  reason: 'why it has ended, as the event says it',
  state: 'the state, as the status and the events say it',
  limit: 'the limit, such as `max_parallel_runs`',
  method: 'of the request; `other` for what is not of HTTP itself',
  route: 'pattern of the route, such as `/v1/runs/:id`; `none` where there is none',
  status: '`2xx`, `3xx`, `4xx`, `5xx`; `gone` when the client went away before it was answered',
  gc: '`minor`, `major`, `incremental`, `weakcb` or `other`',
  version: 'of Slotkeeper',
  node: 'version of Node',
} as const;

export type LabelName = keyof typeof labelMeanings;

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricDescription {
  readonly type: MetricType;
  readonly meaning: string;
  readonly labels: readonly LabelName[];
  /** Of a histogram: upper bounds, in seconds. */
  readonly buckets?: readonly number[];
}

/** From what nobody notices to the longest wait that is common. */
const WAITS = [0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800];
/** From a small program to a day of an agent. */
const WORKS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 3_600, 14_400, 86_400];
/** Most answers take no time; those of programs take as long as the program. */
const ANSWERS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300];
const COLLECTIONS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];

const counter = <const Labels extends readonly LabelName[]>(meaning: string, ...labels: Labels) =>
  ({ type: 'counter', meaning, labels }) as const;

const gauge = <const Labels extends readonly LabelName[]>(meaning: string, ...labels: Labels) =>
  ({ type: 'gauge', meaning, labels }) as const;

const histogram = <const Labels extends readonly LabelName[]>(
  meaning: string,
  buckets: readonly number[],
  ...labels: Labels
) => ({ type: 'histogram', meaning, buckets, labels }) as const;

/** Read from the status when they are asked for. */
const statusMetrics = {
  sessions_active: gauge('session slots that are held'),
  sessions_waiting: gauge('sessions that wait for a slot'),
  sessions_open: gauge('sessions that were opened and are not closed'),
  runs_active: gauge('run slots that are held'),
  runs_waiting: gauge('runs that wait for a slot'),
  runs_sessionless: gauge('run slots that are held and whose session holds none'),
  runs_stuck: gauge('runs whose outcome is told and whose work goes on; each holds its slot'),
  limit: gauge('a limit as it stands now; `+Inf` without one', 'limit'),
  kind_limit: gauge('the limit of a kind as it stands now; `+Inf` without one', 'kind'),
  state: gauge('1 for the state in which the limiter is, 0 for the others', 'state'),
  storage_degraded: gauge('1 while the journal cannot be written, else 0'),
  limiter_restarts_total: counter('restarts of the limiter after a crash'),
} as const;

/** Counted by events, from when the daemon listens. */
const eventMetrics = {
  session_slots_granted_total: counter('session slots that were granted'),
  session_slots_refused_total: counter('callers who got no session slot', 'code'),
  session_slots_ended_total: counter('session slots that have ended', 'reason'),
  session_wait_seconds: histogram('from asking for a session slot to its grant', WAITS),
  session_hold_seconds: histogram('from the grant of a session slot to its end', WORKS),
  run_slots_granted_total: counter('run slots that were granted', 'kind'),
  run_slots_refused_total: counter('callers who got no run slot', 'code', 'kind'),
  run_slots_ended_total: counter('run slots that have ended', 'reason', 'kind'),
  run_wait_seconds: histogram('from asking for a run slot to its grant', WAITS, 'kind'),
  run_hold_seconds: histogram('from the grant of a run slot to its end', WORKS, 'kind'),
  sessions_opened_total: counter('sessions that were opened'),
  sessions_closed_total: counter('sessions that were closed', 'reason'),
  runs_ended_total: counter('runs that are over', 'state', 'kind'),
  run_work_seconds: histogram('from the start of the work of a run to its end', WORKS, 'kind'),
  limits_changed_total: counter('changes of limits while the limiter ran'),
  storage_degraded_total: counter('how often the journal could not be written any more'),
  storage_degraded_seconds_total: counter('how long that was, counted when it is over'),
  tables_rebuilt_total: counter('times that the tables disagreed with themselves: report it'),
  clock_jumps_total: counter('times that leases were found to run out late'),
  crashes_total: counter('crashes of servers, such as the limiter'),
  children_restarted_total: counter('children that a supervisor has restarted'),
  mailbox_full_total: counter('messages that were refused because too many waited'),
} as const;

const httpMetrics = {
  http_requests_total: counter('requests that are over', 'method', 'route', 'status'),
  http_request_duration_seconds: histogram(
    'from a request to the end of its answer; a stream ends when its viewer goes',
    ANSWERS,
    'method',
    'route',
  ),
  http_requests_in_flight: gauge('requests that are not over, this one included'),
} as const;

/** Named as they are elsewhere in Node, behind the prefix. */
const processMetrics = {
  build_info: gauge('always 1', 'version', 'node'),
  process_start_time_seconds: gauge('when the process began, in seconds since 1970'),
  process_cpu_seconds_total: counter('time on a CPU, of the system included'),
  process_resident_memory_bytes: gauge('memory that the process has of the machine'),
  process_open_fds: gauge('file descriptors that are open; Linux only'),
  nodejs_heap_size_used_bytes: gauge("what is used of V8's heap"),
  nodejs_heap_size_total_bytes: gauge("V8's heap"),
  nodejs_external_memory_bytes: gauge('memory outside the heap that its objects hold'),
  nodejs_eventloop_active_seconds_total: counter('time that the event loop was at work'),
  nodejs_eventloop_lag_p99_seconds: gauge(
    'how late timers were at the 99th percentile, since this was last asked for',
  ),
  nodejs_eventloop_lag_max_seconds: gauge('how late a timer was at most, since then'),
  nodejs_gc_duration_seconds: histogram('pauses for the collection of garbage', COLLECTIONS, 'gc'),
} as const;

/** By what is told with them; the guide has them in this order. */
export const metricGroups = {
  status: statusMetrics,
  events: eventMetrics,
  http: httpMetrics,
  process: processMetrics,
} as const;

export const metricCatalogue = {
  ...statusMetrics,
  ...eventMetrics,
  ...httpMetrics,
  ...processMetrics,
} as const;

export type MetricName = keyof typeof metricCatalogue;

export type MetricNameOf<Type extends MetricType> = {
  [Name in MetricName]: (typeof metricCatalogue)[Name]['type'] extends Type ? Name : never;
}[MetricName];

/** Each of its labels, and no other. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<(typeof metricCatalogue)[Name]['labels'][number], string>
>;
