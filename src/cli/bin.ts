#!/usr/bin/env node
import { commandLine } from '#platform/process';
import { runCommand } from './program.ts';

void runCommand(commandLine);
