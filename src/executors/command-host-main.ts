/**
 * The program of the command host. Its argument is the spool. It is started by a keeper, and apart from it.
 */
import { CommandHost } from './command-host.ts';
import { ANOTHER_IS_THERE } from './host-protocol.ts';

const [, , spoolDir = ''] = process.argv;

// It ends when it has nothing to do, not when a terminal does.
for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => {});

const host = new CommandHost(spoolDir, () => process.exit(0));
host.listen().then(
  () => {},
  (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EADDRINUSE' ? ANOTHER_IS_THERE : 1),
);
