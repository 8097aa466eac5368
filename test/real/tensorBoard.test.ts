import { execFileSync } from 'node:child_process';
import { beforeEach, expect, test } from 'vitest';
import { findPython } from '../../benchmarks/python.ts';
import { configureLog } from '../../src/core/log.ts';
import { resumableTrainer } from '../testing/resuming.ts';
import { temporaryFolder, tinyModel } from '../testing/tiny.ts';

beforeEach(() => configureLog({ level: 'silent' }));

const python = findPython();
const skipNote = python === undefined ? ' (SKIPPED: no Python; npm run bench:setup makes one)' : '';

const program = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
events = EventAccumulator(sys.argv[1], size_guidance={'tensors': 0, 'histograms': 0, 'scalars': 0})
events.Reload()
tags = events.Tags()
string = lambda tag: events.Tensors(tag)[0].tensor_proto.string_val[0]
layout = layout_pb2.Layout.FromString(string('custom_scalars__config__'))
histogram = events.Histograms('weights/classifier.weight')[0]
print(json.dumps({
  'loss': [[e.step, e.value] for e in events.Scalars('train/loss')],
  'scalars': tags['scalars'],
  'text': string('args/text_summary').decode(),
  'plugin': events.SummaryMetadata('args/text_summary').plugin_data.plugin_name,
  'chart': [list(chart.multiline.tag) for chart in layout.category[0].chart],
  'histogram': [histogram.step, histogram.histogram_value.num, sum(histogram.histogram_value.bucket)],
  'gradients': 'gradients/classifier.weight' in tags['histograms'],
}))
`;

test.skipIf(python === undefined)(
  `Python's tensorboard reads scalars, texts, charts and histograms${skipNote}`,
  async () => {
    const loggingDir = await temporaryFolder();
    const args = { loggingDir, loggingSteps: 2, maxSteps: 4, evalStrategy: 'steps', loggingHistograms: 'all' } as const;
    const trainer = resumableTrainer(await tinyModel(), args);
    await trainer.train();
    const read = JSON.parse(
      execFileSync(python!, ['-c', program, loggingDir], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    const logged = trainer.state.logHistory.filter((entry) => 'loss' in entry);
    expect(read.loss).toEqual(logged.map(({ step, loss }) => [step, Math.fround(loss)]));
    expect(read.scalars).toEqual(
      expect.arrayContaining(['eval/loss', 'eval/accuracy', 'train/loss_between_evaluations']),
    );
    expect([read.plugin, read.text]).toEqual(['text', expect.stringContaining('"logging_steps": 2')]);
    expect(read.chart).toEqual([['train/loss(_between_evaluations)?', 'eval/(.+_)?loss']]);
    expect(read.histogram).toEqual([2, 32, 32]);
    expect(read.gradients).toBe(true);
  },
);
