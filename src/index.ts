/**
 * The face of Slotkeeper: what `import … from 'slotkeeper'` gives. Re-exports only.
 */
export { startTree, type Tree, type TreeOptions } from '../supervisors/start-tree.ts';
export { type FaultDetails, SlotkeeperError } from './fault.ts';
export * from './otp/index.ts';
