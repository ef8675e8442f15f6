/**
 * Starts a child in a session of its own, which would sleep for an hour, and ends at once.
 */
import { spawn } from 'node:child_process';

const child = spawn('sleep', ['3600'], { detached: true, stdio: 'ignore' });
child.unref();
console.log('a child was left behind');
