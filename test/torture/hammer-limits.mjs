/**
 * Limits that change while a limiter is hammered, and the look at each answer that none is exceeded.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const CHOICES = {
  maxParallelSessions: [200, 280, 360],
  maxParallelRuns: [20, 40, 60],
  tool: [4, 9],
};

/** One change after the other, as long as the process lives. */
export async function changeLimits(limiter, report, chance) {
  for (;;) {
    const changes = someChanges(chance);
    await report.ask({ act: 'limits', changes }, () => limiter.setLimits(changes));
    await sleep(chance.below(20));
  }
}

function someChanges(chance) {
  const changes = {};
  for (const name of ['maxParallelSessions', 'maxParallelRuns']) {
    if (chance.happens(50)) changes[name] = chance.oneOf(CHOICES[name]);
  }
  if (chance.happens(50)) changes.maxRunsPerKind = { tool: chance.oneOf(CHOICES.tool) };
  return changes;
}

/**
 * Sees the status at each answer. Between two looks there is one change of limits at most, so what is
 * held now is within the limit of now or of the last look, or was held at the last look already.
 */
export class Watch {
  #limiter;
  #report;
  #last;

  constructor(limiter, report) {
    this.#limiter = limiter;
    this.#report = report;
    this.#last = limiter.getStatus();
  }

  look() {
    const now = this.#limiter.getStatus();
    this.#compare(now, 'activeRuns', 'maxParallelRuns');
    this.#compare(now, 'activeSessions', 'maxParallelSessions');
    if (now.storage !== 'ok') this.#report.say('broken', `the storage is ${now.storage}`);
    this.#last = now;
  }

  #compare(now, held, limit) {
    const last = this.#last;
    if (now[held] <= Math.max(now[limit], last[limit], last[held])) return;
    this.#report.say('broken', `${held} ${now[held]} after ${last[held]}, of ${now[limit]}`);
  }
}
