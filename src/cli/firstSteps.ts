import { ArgumentError } from '../core/errors.ts';
import { suggestedModels } from './suggestedModels.ts';

const [small] = suggestedModels;

/** What `fettle` alone says: where to begin. */
export const shortHelp = `Fettle fine-tunes BERT: some hundred labelled rows become a small model of your own.

  npx fettle init                          asks five questions and writes fettle.yaml
  npx fettle train --config fettle.yaml    trains, judges and saves
  npx fettle predict --model results --text "We waited two hours for cold soup."
  npx fettle serve results                 answers over HTTP

All commands: npx fettle --help; the flags of one: npx fettle train --help
`;

/**
 * Says what a beginner lacks, and what to do about it, in place of the name of a flag.
 * @throws ArgumentError ERR_NO_DATASET with what a file looks like, ERR_NO_MODEL with models to begin with.
 */
export function requireDataAndModel(
  owner: string,
  { dataset, model }: { readonly dataset?: string | undefined; readonly model?: string | undefined },
): void {
  if (dataset === undefined) {
    const command = `npx ${owner} reviews.csv --model ${model ?? small.name} --output-dir results`;
    throw new ArgumentError('ERR_NO_DATASET', {
      owner,
      what: 'there is no data to learn from',
      hint: `give a CSV file whose first line names its columns, and a row in each line after it:

    text,label
    "The room was clean, the staff kind.",positive
    We waited two hours for cold soup.,negative

  Then run:

    ${command}

  or answer five questions: npx fettle init`,
    });
  }
  if (model === undefined) {
    const width = Math.max(...suggestedModels.map(({ name }) => name.length));
    throw new ArgumentError('ERR_NO_MODEL', {
      owner,
      what: 'there is no model to begin with',
      hint: `name one with --model, the directory of a saved model or a name on the Hub:

${suggestedModels.map(({ name, says }) => `    ${name.padEnd(width)}   ${says}`).join('\n')}

  As in:

    npx ${owner} ${/\s/.test(dataset) ? `'${dataset}'` : dataset} --model ${small.name} --output-dir results`,
    });
  }
}
