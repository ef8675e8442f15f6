/**
 * The codes of what only a client over HTTP can do wrong, with their meanings.
 */
export const httpFaultCodes = {
  invalid_json: 'The body of the request is no JSON',
  invalid_request: 'The request is JSON and not what the route takes; `faults` say what is wrong',
  idempotency_key_reused: 'The `Idempotency-Key` was there before, with another request',
  unsupported_request: 'The request is nothing that the daemon reads: its type, its size, its form',
  not_found: 'There is nothing under this path, or not by this method',
  session_not_found: 'There is no session of this id, or it is not yours',
  run_not_found: 'There is no run of this id, or it is not yours',
  key_required:
    'An API key is needed, as `Authorization: Bearer …`, and this is none that is known',
  scope_required: 'The API key lacks the scope that this needs',
  agent_incomplete: 'An agent is started with `config` and `group`',
  agent_unavailable: 'No agent is configured: `agent.command`',
  exec_disabled: 'Running any program over HTTP is not enabled: `exec.enabled`',
  host_required: 'The request is HTTP/1.1 and has no `Host`',
  host_not_allowed: 'The `Host` of the request is none of this daemon: `allowedHosts`',
  origin_not_allowed: 'The `Origin` of the request may not ask: `allowedOrigins`',
  internal_error: 'Something has gone wrong that should not; the log of the daemon has it',
} as const;
