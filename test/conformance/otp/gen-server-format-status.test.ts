/**
 * Hiding what nobody should see, promise by promise of the manual page gen_server(3):
 * `Module:format_status/1`. It is called for `sys:get_status/1,2` and when a server ends abnormally.
 */
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  fromGenServer,
  type GenServerDefinition,
  ready,
  reply,
  SlotkeeperError,
  startServer,
  stopServer,
  sys,
} from '../../../src/index.ts';
import { endOf, faultOf, type Surroundings, surroundings } from '../../support/servers.ts';

interface Vault {
  state: { readonly user: string; readonly password: string };
  calls: {
    login(request: { readonly password: string }): string;
    crash(request: { readonly password: string }): never;
  };
}

const opened = { user: 'joe', password: 'sesame' };

function vault(overrides: Partial<GenServerDefinition<Vault>> = {}) {
  return fromGenServer<Vault>({
    init: () => ready(opened),
    handleCall: {
      login: (_request, state) => reply(state.user, state),
      crash: ({ password }) => {
        throw new SlotkeeperError('wrong_password', `${password} is wrong`);
      },
    },
    ...overrides,
  });
}

/** Removes every password. */
const discreet = vault({
  formatStatus: ({ state, message, reason }) => ({
    state: { ...state, password: 'removed' },
    ...(message !== undefined && { message: { type: 'removed' } }),
    ...(reason !== undefined && { reason: new Error('removed') }),
  }),
});

/** All that was logged, as text, errors included. */
function loggedBy({ logger }: Surroundings): string {
  return JSON.stringify(logger.lines, (_key, value) =>
    value instanceof Error ? `${value.message} ${value.stack}` : value,
  );
}

describe('gen_server: Module:format_status/1', () => {
  test('showing the state as it is when there is none', async () => {
    const ref = await startServer(vault());
    expect(await sys.getStatus(ref)).toMatchObject({ state: opened });
  });

  test('deciding what sys.getStatus shows', async () => {
    const ref = await startServer(discreet);
    expect((await sys.getStatus(ref)).state).toEqual({ user: 'joe', password: 'removed' });
  });

  test('not changing the state of the server, nor what sys.getState tells', async () => {
    const ref = await startServer(discreet);
    await sys.getStatus(ref);
    expect(await sys.getState(ref)).toBe(opened);
  });

  test('getting the state alone for sys.getStatus', async () => {
    const formatStatus = vi.fn((status) => status);
    const ref = await startServer(vault({ formatStatus }));
    await sys.getStatus(ref);
    expect(formatStatus.mock.calls).toEqual([[{ state: opened }]]);
  });

  test('getting the state, the message and the reason after a crash', async () => {
    const formatStatus = vi.fn((status) => status);
    const ref = await startServer(vault({ formatStatus }));
    await faultOf(call(ref, { type: 'crash', password: 'open' }));
    expect(formatStatus).toHaveBeenCalledWith({
      state: opened,
      message: { type: 'crash', password: 'open' },
      reason: expect.objectContaining({ code: 'wrong_password' }),
    });
  });

  test('hiding state and message from the crash report', async () => {
    const env = surroundings();
    const ref = await startServer(discreet, env);
    await faultOf(call(ref, { type: 'crash', password: 'open' }));
    expect(env.logger.lines).toMatchObject([
      { fields: { state: { password: 'removed' }, message: { type: 'removed' } } },
    ]);
    expect(loggedBy(env)).not.toContain('sesame');
  });

  test('hiding the reason from the crash report', async () => {
    const env = surroundings();
    const ref = await startServer(discreet, env);
    await faultOf(call(ref, { type: 'crash', password: 'open' }));
    expect(loggedBy(env)).toContain('removed');
    expect(loggedBy(env)).not.toContain('open is wrong');
  });

  test('leaving the reason itself to monitors', async () => {
    const ref = await startServer(discreet);
    const end = endOf(ref);
    await faultOf(call(ref, { type: 'crash', password: 'open' }));
    expect(await end).toMatchObject({ code: 'wrong_password' });
  });

  test('hiding secrets in the JSON of the snapshot', async () => {
    const ref = await startServer(discreet);
    expect(JSON.stringify(ref.actor?.getSnapshot())).not.toContain('sesame');
    expect(JSON.stringify(ref.actor?.getPersistedSnapshot())).not.toContain('sesame');
  });

  test('not being called for an orderly end', async () => {
    const formatStatus = vi.fn((status) => status);
    await stopServer(await startServer(vault({ formatStatus })), 'shutdown');
    expect(formatStatus).not.toHaveBeenCalled();
  });
});

describe('gen_server: Module:format_status/1 that fails', () => {
  const broken = vault({
    formatStatus: () => {
      throw new Error('in formatStatus');
    },
  });

  test('saying so instead of showing the state', async () => {
    const ref = await startServer(broken);
    const { state } = await sys.getStatus(ref);
    expect(state).toEqual(expect.stringContaining('formatStatus'));
  });

  test('leaving the server running', async () => {
    const ref = await startServer(broken);
    await sys.getStatus(ref);
    expect(await call(ref, { type: 'login', password: 'a' })).toBe('joe');
  });

  test('showing neither state nor message in the crash report', async () => {
    const env = surroundings();
    const ref = await startServer(broken, env);
    await faultOf(call(ref, { type: 'crash', password: 'open' }));
    expect(env.logger.lines).toHaveLength(1);
    expect(loggedBy(env)).not.toContain('sesame');
    expect(env.logger.lines).toMatchObject([{ fields: { message: undefined } }]);
  });

  test.each([undefined, null, 'text'])('surviving one that answers %o', async (answer) => {
    const ref = await startServer(vault({ formatStatus: () => answer as never }));
    await sys.getStatus(ref);
    expect(await call(ref, { type: 'login', password: 'a' })).toBe('joe');
  });

  test.each([undefined, null])(
    'ending properly after a crash when it answers %o',
    async (answer) => {
      const ref = await startServer(vault({ formatStatus: () => answer as never }));
      const end = endOf(ref);
      const fault = await faultOf(call(ref, { type: 'crash', password: 'open' }));
      expect(fault).toMatchObject({ code: 'server_down', cause: { code: 'wrong_password' } });
      expect(await end).toMatchObject({ code: 'wrong_password' });
    },
  );

  test('surviving a logger that throws', async () => {
    const { registry, logger: recording } = surroundings();
    const logger = { ...recording, error: thrown };
    const ref = await startServer(discreet, { registry, logger, name: 'one' });
    const fault = await faultOf(call(ref, { type: 'crash', password: 'open' }));
    expect(fault.code).toBe('server_down');
    expect(registry.names()).toEqual([]);
  });
});

function thrown(): never {
  throw new Error('in the logger');
}
