import type { Command } from 'commander';
import { describeEngines, formatEngines } from '../engine/doctor.ts';
import { makeReport } from './report.ts';

/** `fettle doctor`: which engines this machine has, in which precisions, and what to install for those it has not. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('Say which engines this machine has, and what to install for more.')
    .option('--json', 'print one JSON object on standard output, and nothing else there')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const report = await describeEngines();
      makeReport(json).result({ ...report }, formatEngines(report).trimEnd());
    });
}
