/**
 * All primes up to a number, one on each line: `primes.mjs NUMBER`.
 */
const end = Number(process.argv[2]);
const isComposite = new Uint8Array(end + 1);
const primes = [];
for (let number = 2; number <= end; number += 1) {
  if (isComposite[number]) continue;
  primes.push(number);
  for (let many = number * number; many <= end; many += number) isComposite[many] = 1;
}
console.log(primes.join('\n'));
