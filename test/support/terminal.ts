/**
 * A real terminal of so many columns, by tmux, with a server of its own that ends with its test: what is typed
 * into it, and what its screen shows.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { freshFolder } from './journal-places.ts';
import { MAIN, markedEnvironment } from './runner.ts';

const ROWS = 30;
const LOOK_EVERY_MS = 20;
const terminals = new Set<Terminal>();

afterEach(() => {
  for (const terminal of terminals) terminal.close();
  terminals.clear();
});

/** Where there is none these tests are left out; on CI there is one. */
export const isWithoutTerminals =
  spawnSync('tmux', ['-V']).status !== 0 && process.env.CI !== 'true';

if (isWithoutTerminals) console.warn('Tests on a real terminal are left out: tmux is not there');

export class Terminal {
  /** All processes of what runs in it. */
  readonly alive: () => number[];
  private readonly socket = join(freshFolder(), 'tmux');

  /** Runs `slotkeeper run` in it, and says at its end `status` with its exit status. */
  constructor(columns: number, cwd: string, args: readonly string[], env: readonly string[] = []) {
    const { alive, environment } = markedEnvironment();
    this.alive = alive;
    const set = [...env, ...Object.entries(environment).map(([name, text]) => `${name}=${text}`)];
    const words = ['env', ...set, process.execPath, MAIN, 'run', ...args];
    // Ctrl-C comes to the shell too, which is to live on.
    const script = `trap : INT; ${words.map(quoted).join(' ')}; echo "status $?"; exec cat`;
    const size = ['-x', String(columns), '-y', String(ROWS)];
    terminals.add(this);
    this.tmux('-f', '/dev/null', 'new-session', '-d', ...size, '-c', cwd, 'sh', '-c', script);
  }

  /** As tmux names keys: `C-c`. */
  press(key: string): void {
    this.tmux('send-keys', key);
  }

  /** What stands on the screen; a line that went on in the next is one. */
  get text(): string {
    return textOf(this.tmux('capture-pane', '-p', '-J'));
  }

  /** Its text with its colours, as the escape sequences that make them. */
  get colored(): string {
    return this.tmux('capture-pane', '-p', '-e');
  }

  /** Resolves with its text when it shows this. The time of the test is its bound. */
  async shows(awaited: RegExp): Promise<string> {
    for (let { text } = this; ; text = this.text) {
      if (awaited.test(text)) return text;
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Resolves when so many lines of the screen are in use, each as wide as the screen or less. */
  async hasLines(count: number): Promise<void> {
    const used = () => textOf(this.tmux('capture-pane', '-p')).split('\n').length;
    while (used() !== count) await sleep(LOOK_EVERY_MS);
  }

  close(): void {
    spawnSync('tmux', ['-S', this.socket, 'kill-server']);
  }

  private tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-u', '-S', this.socket, ...args], { encoding: 'utf8' });
  }
}

/** Without what is blank. */
function textOf(screen: string): string {
  return screen.replace(/ +$/gm, '').trimEnd();
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
