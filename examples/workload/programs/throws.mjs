/**
 * Says something, and fails with an exception: `throws.mjs MESSAGE`.
 */
console.log('so far, so good');
throw new Error(process.argv[2]);
