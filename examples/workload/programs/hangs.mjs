/**
 * Hangs, and takes no notice of SIGTERM: only SIGKILL ends it.
 */
process.on('SIGTERM', () => {});
console.log('hanging');
setInterval(() => {}, 60_000);
