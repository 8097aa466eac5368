#!/usr/bin/env node
import { commandLine, toleratePipes } from '#platform/process';
import { runCommand } from './program.ts';

toleratePipes();
void runCommand(commandLine);
