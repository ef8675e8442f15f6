/**
 * Runs before every test file: the event loop's share is measured by a clock that stands still, so that
 * no order depends on how busy the machine is. Tests of the share itself use real time again.
 */
import { measureShareBy } from '../../src/otp/turn-share.ts';

measureShareBy(() => 0);
