/**
 * The fault of who renews a grant that is not there any more.
 */
import { SlotkeeperError } from '../fault.ts';

export function staleToken(id: string, token: number): SlotkeeperError<'stale_token'> {
  return new SlotkeeperError(
    'stale_token',
    `Nothing is held as ${id} under the token ${token}: the slot has ended, or was granted anew`,
    { id, token },
  );
}
