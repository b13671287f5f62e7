// Mistakes in a recipe, in settings and in options: reported all at once, before anything starts.
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct RecipeMistakeTests {
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file(
        "run.yaml",
        """
        model: llama
        weights: random
        output: run
        data: {train: text.txt, sequence_length: 32}
        training: {steps: 5, batch_size: 8, micro_batch_size: 2}
        """)
      return folder
    }

    @Test func mistakesInSettings() throws {
      let folder = try folder()
      let cases: [([String], [String])] = [
        (["training.stpes=3"], ["training.stpes: is not a key of swiftdp (did you mean training.steps?)"]),
        (["training.steps=many"], ["training.steps: is a string, where a whole number is meant"]),
        (["training.steps=0"], ["training.steps: is 0, but must be from 1 to 1099511627776"]),
        (["training.batch_size=2.5"], ["training.batch_size: is a number, where a whole number is meant"]),
        (
          ["optimizer.name=adam"],
          [
            "optimizer.name: is \"adam\", but must be one of adamw, sgd, lion, adafactor, adamw8bit, "
              + "muon, schedule_free (did you mean adamw?)"
          ]
        ),
        (
          ["optimizer.momentum=0.9"],
          [
            "optimizer.momentum: is a setting of sgd and muon, and optimizer.name is adamw (the settings of adamw are "
              + "learning_rate, weight_decay, gradient_clip, beta1, beta2, epsilon)"
          ]
        ),
        (
          ["optimizer={name: sgd, nesterov: true, epsilon: 1.0e-6, momentun: 1}"],
          [
            "optimizer.nesterov: is true without a momentum (set optimizer.momentum=0.9)",
            "optimizer.epsilon: is a setting of adamw and adamw8bit and muon and schedule_free, and "
              + "optimizer.name is sgd (the settings of sgd are learning_rate, weight_decay, gradient_clip, momentum, nesterov)",
            "optimizer.momentun: is not a key of swiftdp (did you mean optimizer.momentum?)",
          ]
        ),
        (
          ["optimizer={name: adafactor, clip_threshold: 0.5, beta2_decay: 0.8}"],
          [
            "optimizer.beta2_decay: is 0.8, but must be from -10.0 to 0.0",
            "optimizer.clip_threshold: is 0.5, but must be from 1.0 to 1000000000000.0",
          ]
        ),
        (["checkpoint=[1]"], ["checkpoint: is a list, where keys with values are meant"]),
        (["parallel.zero=7"], ["parallel.zero: is 7, but must be one of 0, 1, 2, 3"]),
        (
          ["parallel={zero: 0, node_shared_weights: true}"],
          ["parallel.node_shared_weights: is true, but every rank updates all weights with zero 0"]
        ),
        (
          ["parallel={zero: 3, node_shared_weights: false}"],
          ["parallel.node_shared_weights: is false, but zero 3 keeps one copy of the weights per host"]
        ),
        (
          ["parallel.node_shared_weights=often"],
          ["parallel.node_shared_weights: is \"often\", but must be auto, true or false"]
        ),
        (["data.train=no.txt"], ["data.train: there is no file no.txt (this folder holds text.txt)"]),
        (["data.train=llama"], ["data.train: llama is the folder of a model (name files of data)"]),
        (["model=nowhere"], ["model: there is no folder nowhere (a Hugging Face model that was downloaded)"]),
        (
          ["training.micro_batch_size=9"],
          ["training.micro_batch_size: is 9, more than batch_size, which is 8"]
        ),
        (
          ["data.sequence_length=65"],
          [
            "data.sequence_length: is 65, but the model reads at most 64 tokens (set data.sequence_length=64)"
          ]
        ),
        (
          ["checkpoint.resume=nowhere"],
          ["checkpoint.resume: there is no checkpoint nowhere (auto, none, or the folder of a checkpoint)"]
        ),
        (["=3"], ["=3: is not a setting (write section.key=value, such as training.steps=100)"]),
        (
          ["data.train=[a"], ["data.train: is not YAML: did not find expected ',' or ']' in line 2, column 1"]
        ),
        (
          ["other.yaml"],
          ["2 recipes are given: run.yaml, other.yaml (one YAML file, then settings section.key=value)"]
        ),
        (
          ["training.steps=3", "training.epochs=1"],
          ["training.epochs: stands beside training.steps (give one of the two)"]
        ),
        (
          [
            "data={train: [no.txt, neither.txt], validation: nor.txt, lenght: 3}", "colour=blue",
            "training=3",
          ],
          [
            "data.train: there is no file no.txt (this folder holds text.txt)",
            "data.train: there is no file neither.txt (this folder holds text.txt)",
            "data.validation: there is no file nor.txt (this folder holds text.txt)",
            "training: is a whole number, where keys with values are meant",
            "colour: is not a key of swiftdp (the keys here are model, weights, model_dtype, output, tasks, task, adapters, method, "
              + "frozen_dtype, adapter, data, keep, dropout, training, early_stopping, optimizer, "
              + "schedule, parallel, checkpoint)",
            "data.lenght: is not a key of swiftdp (the keys here are train, sources, validation, format, columns, "
              + "template, loss, order, mixing, sequence_length, packing, packing_mask, shuffle, group_by_length, "
              + "check, retrieval, cache)",
          ]
        ),
      ]
      for (settings, messages) in cases {
        try expectMistake(["train", "run.yaml"] + settings, 64, messages, in: folder)
      }
      #expect(cases.count == 24)
    }

    @Test func mistakesInRecipes() throws {
      let folder = try folder()
      let cases: [(String, [String])] = [
        ("a: [", ["recipe.yaml: is not YAML: did not find expected node content in line 2, column 1"]),
        ("3", ["recipe.yaml: is a whole number, where keys with values are meant"]),
        ("model: llama\nmodel: x", ["recipe.yaml: is not YAML: a key stands twice: [\"model\"]"]),
        (
          "",
          [
            "recipe.yaml: model: is missing (give a text)",
            "recipe.yaml: data.train: is missing (give a file or a list of files, or data.sources)",
          ]
        ),
        (
          "model: llama\ndata: {train: text.txt, formt: text}\ntraining: {steps: no}",
          [
            "recipe.yaml: training.steps: is a string, where a whole number is meant",
            "recipe.yaml: data.formt: is not a key of swiftdp (did you mean data.format?)",
          ]
        ),
      ]
      for (recipe, messages) in cases {
        try folder.file("recipe.yaml", recipe)
        try expectMistake(["train", "recipe.yaml"], 64, messages, in: folder)
      }
      #expect(cases.count == 5)
      try expectMistake(
        ["train", "nothere.yaml"], 64,
        ["nothere.yaml: there is no such configuration (settings are written section.key=value)"], in: folder)
      try expectMistake(
        ["train", "llama"], 64, ["llama: is a folder, not a recipe (a model is named by model=llama)"],
        in: folder)
    }

    /// An unset shell variable leaves `output=` empty; YAML would read it as null, and the default would be taken.
    @Test func emptySettingsAreRefused() throws {
      let folder = try folder()
      let keys = [
        "model", "weights", "model_dtype", "output", "data.train", "data.validation", "data.format",
        "data.sequence_length", "data.packing", "training.steps", "training.batch_size", "training.seed",
        "optimizer.name", "optimizer.learning_rate", "optimizer.offload", "schedule.name",
        "schedule.warmup_steps",
        "parallel.zero", "parallel.threads", "parallel.blas_kernel", "checkpoint.every", "checkpoint.resume",
        "checkpoint.model_dtype",
      ]
      for key in keys {
        for value in ["", "''"] {
          let result = try Command.swiftdp(["train", "run.yaml", "\(key)=\(value)"], in: folder)
          #expect(result.code == 64, "\(key)=\(value)")
          #expect(
            result.errorLines == ["swiftdp: \(key): is empty (was it an unset variable?)"], "\(result.err)")
        }
      }
      #expect(keys.count == 23)
      try expectMistake(
        ["train", "run.yaml", "data.train=[text.txt,'']"], 64,
        ["data.train: is empty (was it an unset variable?)"], in: folder)
      try expectMistake(["train", ""], 64, ["the recipe: is empty (was it an unset variable?)"], in: folder)
      try expectMistake(
        ["checkpoint", "hash", ""], 64,
        [
          "The value '' is invalid for '<folder>': is empty (was it an unset variable?) "
            + "(see swiftdp checkpoint hash --help)"
        ], in: folder)
      #expect(!folder.exists("run") && !folder.exists("runs"))
    }

    @Test func recipesThatOtherProgramsWrite() throws {
      let folder = try folder()
      let recipe = try folder.text("run.yaml").replacing(
        "steps: 5,", with: "steps: 5, epochs: null, time_limit: null,")
      try folder.file(
        "bom.yaml",
        "\u{FEFF}" + recipe + "\noptimizer: {offload: null, momentum: null}\nparallel: {threads: null}\n")
      let result = try Command.swiftdp(["train", "bom.yaml"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(try RunOutput(folder: folder, name: "run").metrics().count == 5)
      // The other mistake beside it is still reported.
      try expectMistake(
        ["train", "bom.yaml", "training.epochs=1", "training.time_limt=3"], 64,
        [
          "training.epochs: stands beside training.steps (give one of the two)",
          "training.time_limt: is not a key of swiftdp (did you mean training.time_limit?)",
        ], in: folder)
    }

    @Test func aWarmUpThatOutlastsTheRunIsNoted() throws {
      let folder = try folder()
      let cases = [
        (6, ": the learning rate rises to the end, and never reaches optimizer.learning_rate"),
        (5, ": the learning rate rises to the end"), (4, nil),
      ]
      for (steps, words) in cases {
        let result = try Command.swiftdp(
          ["train", "run.yaml", "schedule.warmup_steps=\(steps)", "output=run-\(steps)"], ranks: 2, in: folder
        )
        #expect(result.code == 0)
        let notes = result.out.split(separator: "\n").filter { $0.hasPrefix("note: schedule.warmup_steps") }
        let expected = words.map { "note: schedule.warmup_steps is \(steps), and the run has 5 steps" + $0 }
        #expect(notes.map(String.init) == [expected].compactMap { $0 }, "\(result.out)")
      }
      #expect(cases.count == 3)
    }

    @Test func anOutputThatCannotBeWrittenTo() throws {
      let folder = try folder()
      let hint = "(set output to a folder that you may write to)"
      let cases = [
        ("text.txt/run", "text.txt: is a file, where a folder is meant \(hint)"),
        ("/proc/run", "/proc/run: the folder cannot be made: No such file or directory \(hint)"),
        ("text.txt", "text.txt: is a file, where a folder is meant \(hint)"),
      ]
      for (output, message) in cases {
        try expectMistake(["train", "run.yaml", "output=\(output)"], 74, [message], in: folder)
      }
      #expect(cases.count == 3)
    }

    @Test func wrongOptionsAndHelp() throws {
      let folder = try folder()
      let wrong: [([String], String)] = [
        (["fly"], "Unexpected argument 'fly' (see swiftdp --help)"),
        (["train", "--fast"], "Unknown option '--fast' (see swiftdp train --help)"),
        (
          ["verify", "--stpes", "3"],
          "Unknown option '--stpes'. Did you mean '--steps'? (see swiftdp verify --help)"
        ),
        (
          ["evaluate", "--data", "text.txt"],
          "Missing expected argument '--model <model>' (see swiftdp evaluate --help)"
        ),
        (
          ["evaluate", "--model", "llama", "--data", "text.txt", "--batch-size", "0"],
          "--batch-size is 0, but must be from 1 to 65536 (see swiftdp evaluate --help)"
        ),
        (
          ["make-tasks", "--count=-1", "x"],
          "--count is -1, but must be at least 0 (see swiftdp make-tasks --help)"
        ),
        (
          ["make-tasks", "--part", "all", "x"],
          "The value 'all' is invalid for '--part <part>'. Please provide one of 'train' and 'held-out'. "
            + "(see swiftdp make-tasks --help)"
        ),
        (
          ["checkpoint", "hash"], "Missing expected argument '<folder>' (see swiftdp checkpoint hash --help)"
        ),
        (
          ["generate", "--model", "llama", "--prompt", "a", "--top-p", "0"],
          "--top-p must be above 0 and at most 1 (see swiftdp generate --help)"
        ),
      ]
      for (arguments, line) in wrong { try expectMistake(arguments, 64, [line], in: folder) }
      #expect(wrong.count == 9)
      let help = [["--help"], ["train", "--help"], ["evaluate", "--help"], ["help", "checkpoint"], []]
      for arguments in help {
        for ranks in [nil, 2] {
          let result = try Command.swiftdp(arguments, ranks: ranks, in: folder)
          #expect(result.code == 0, "\(arguments)")
          #expect(result.out.components(separatedBy: "USAGE: swiftdp").count == 2, "\(arguments)")
          #expect(result.err.isEmpty)
        }
      }
      #expect(help.count == 5)
    }
  }
}
