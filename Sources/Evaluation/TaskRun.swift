// Runs tasks on a model over all ranks.
import Base
import Collectives

/// Some of a task's rows.
package enum RowPart: Sendable {
  case all
  /// Those whose numbers leave one of these rests.
  case of(Set<Int>, modulo: Int)

  func contains(_ number: Int) -> Bool {
    switch self {
    case .all: true
    case .of(let rests, let modulus): rests.contains(number % modulus)
    }
  }
}

/// How tasks are run.
package struct TaskOptions: Sendable {
  /// The folder of data sets; nil without one.
  package var data: String?
  /// Examples before a question; nil for what a task says.
  package var shots: Int?
  /// The first rows only; nil for all.
  package var limit: Int?
  /// Which rows are answered.
  package var rows = RowPart.all
  package var batchSize = 64
  /// Of the draws of examples, and of answers.
  package var seed = 1234
  package var areTurns = false
  /// Whether standard errors and the lines of samples are wanted.
  package var needsDetails = true

  package init() {}
}

/// Rows of tasks with what is asked of each, ready for any number of runs.
package struct PreparedTasks: Sendable {
  package let set: TaskSet
  package let options: TaskOptions
  private let tasks: [PreparedTask]
  /// The number of examples of each task.
  package var shots: [String: Int] {
    Dictionary(tasks.map { ($0.task.name, $0.shots) }) { first, _ in first }
  }

  /// How many questions of each task are longer than the model reads, and lose their beginning.
  package var cut: [(task: String, count: Int)] {
    tasks.filter { $0.cut > 0 }.map { ($0.task.name, $0.cut) }
  }

  /// Tokens that a run reads or writes, at most: what the texts of a row begin with is read once, and answers may be as long as
  /// their task allows.
  package var tokens: Int { tasks.reduce(0) { $0 + $1.tokens } }

  /// Reads the rows and writes the prompts.
  /// - Throws: every task's mistake at once.
  package init(_ set: TaskSet, _ options: TaskOptions, for model: TaskModel) throws {
    self.set = set
    self.options = options
    let problems = Problems()
    tasks = set.tasks.compactMap { task in
      problems.collect { try PreparedTask(task, options, model) }
    }
    try problems.throwIfAny()
  }

  /// The results of all tasks, known to all ranks. Collective.
  /// - Parameters:
  ///   - model: the one that the prompts were written for, whatever its weights are now.
  ///   - progress: called with what is done and the share of it that is, many times.
  package func run(
    _ model: TaskModel, ranks: Ranks,
    progress: @escaping (_ what: String, _ share: Double) -> Void = { _, _ in }
  ) throws -> [TaskResult] {
    var scorer = LikelihoodScorer(model: model, ranks: ranks, batchSize: options.batchSize)
    scorer.progress = { progress("texts scored", $0) }
    // Rows of all tasks together, so that ranks have about as much to do.
    let texts = tasks.flatMap(\.texts)
    var scores = try scorer(texts)[...]
    return try tasks.map { task in
      let own = scores.prefix(task.texts.count)
      scores = scores.dropFirst(task.texts.count)
      let answers = try task.answers(Array(own), model, options, ranks) {
        progress("answers of \(task.task.name) begun", $0)
      }
      return try ranks.together { try task.result(answers, options) }
    }
  }
}

/// The rows of one task.
private struct PreparedTask: Sendable {
  let task: TaskDefinition
  let shots: Int
  /// How many rows there are.
  let rows: Int
  /// The number of each row that is answered.
  let numbers: [Int]
  let items: [Item]
  let requests: [[Request]]
  /// For each row the texts that are scored; none where answers are written.
  let texts: [[ScoredText]]
  let cut: Int
  /// See `PreparedTasks.tokens`.
  let tokens: Int

  init(_ task: TaskDefinition, _ options: TaskOptions, _ model: TaskModel) throws {
    self.task = task
    // A task that forbids examples has none.
    shots = task.shots == 0 ? 0 : options.shots ?? task.shots ?? 0
    func docs(_ split: String) throws -> DocumentRows {
      let files = try task.data.files(of: split, data: options.data, task: task.name)
      var rows = try DocumentRows(files: files, only: task.data.only)
      rows.docs = try Self.prepared(rows.docs, task, "of the split \(split)")
      rows.unify()
      return rows
    }
    let questions = try docs(task.evaluatedSplit)
    rows = questions.docs.count
    var examples: [JSON] = []
    if shots > 0 {
      examples =
        try task.fewshot.samples.map { try Self.prepared($0, task, "of the file's samples") }
        ?? (task.exampleSplit == task.evaluatedSplit ? questions : docs(task.exampleSplit)).docs
    }
    var builder = try PromptBuilder(
      task, model, columns: questions.columns, first: questions.docs[0], examples: examples, shots: shots,
      seed: options.seed, areTurns: options.areTurns)
    numbers = Array(questions.docs.indices.filter(options.rows.contains).prefix(options.limit ?? .max))
    var (items, requests, texts) = ([Item](), [[Request]](), [[ScoredText]]())
    for (number, doc) in numbers.map({ ($0, questions.docs[$0]) }) {
      do {
        let item = try builder.item(doc)
        let asked = try task.outputType.requests(item, task, isChat: model.chat != nil)
        items.append(item)
        requests.append(asked)
        texts.append(try asked.flatMap { try Self.scored($0, model, task) })
      } catch let mistake as StepMistake {
        throw task.mistake("row \(number) \(mistake.what)")
      } catch var error as UserError {
        if !error.place.contains("row") { error.place += ", row \(number)" }
        throw error
      }
    }
    self.items = items
    self.requests = requests
    self.texts = texts
    guard task.outputType is GenerateUntil else {
      cut = texts.count { row in row.contains { $0.tokens.count > model.longest + 1 } }
      tokens = texts.reduce(0) { $0 + LikelihoodScorer.tokens(of: $1) }
      return
    }
    let room = model.longest - task.generation.longest
    let lengths = requests.map { row in row.map { model.prompt($0.prompt).count } }
    cut = lengths.count { row in row.contains { $0 > room } }
    tokens = lengths.joined().reduce(0) { $0 + task.repeats * (min($1, room) + task.generation.longest) }
  }

  /// Rows as templates see them.
  private static func prepared(_ docs: [JSON], _ task: TaskDefinition, _ place: String) throws -> [JSON] {
    guard let step = task.step else { return docs }
    return try docs.enumerated().map { number, doc in
      do throws(StepMistake) { return try step.prepared(doc) } catch {
        throw task.mistake("row \(number) \(place) \(error.what)")
      }
    }
  }

  /// The texts that the answer to a request is the sum of.
  private static func scored(
    _ request: Request, _ model: TaskModel, _ task: TaskDefinition
  ) throws -> [ScoredText] {
    let texts: [ScoredText]
    switch request.kind {
    case .generation: return []
    case .likelihood(let context, let continuation):
      guard let text = model.pair(context, continuation) else {
        throw task.mistake("an answer has no tokens of its own behind its question")
      }
      texts = [text]
    case .rolling(let text):
      guard let windows = model.windows(text) else {
        throw task.mistake("the model has no token that texts begin with")
      }
      texts = windows
    }
    for text in texts {
      try model.description.check(text.tokens)
      guard text.targets <= model.longest else {
        throw task.mistake(
          "an answer has \(text.targets) tokens, and the model reads at most \(model.longest)")
      }
    }
    return texts
  }

  /// For each row and request, the answers of all repeats. Collective.
  func answers(
    _ scores: [[LikelihoodScorer.Score]], _ model: TaskModel, _ options: TaskOptions, _ ranks: Ranks,
    progress: @escaping (Double) -> Void
  ) throws -> [[[JSON]]] {
    if task.outputType is GenerateUntil {
      let writer = AnswerWriter(
        model: model, ranks: ranks, batchSize: options.batchSize, settings: task.generation,
        seed: options.seed, task: task.name, progress: progress)
      let prompts = requests.flatMap { $0.flatMap { repeatElement($0.prompt, count: task.repeats) } }
      var texts = try writer(prompts, samples: Array(prompts.indices))[...]
      return requests.map { requests in
        requests.map { _ in
          defer { texts = texts.dropFirst(task.repeats) }
          return texts.prefix(task.repeats).map { .string($0) }
        }
      }
    }
    return zip(requests, scores).map { requests, scores in
      if task.outputType is RollingLogLikelihood {
        let sum = scores.reduce(0) { $0 + $1.sum }
        return [[JSON](repeating: .number(sum), count: task.repeats)]
      }
      return zip(requests, scores).map { _, score in
        let pair = JSON.array([.number(score.sum), .bool(score.isLikeliest)])
        return [JSON](repeating: pair, count: task.repeats)
      }
    }
  }

  func result(_ answers: [[[JSON]]], _ options: TaskOptions) throws -> TaskResult {
    var values: [(filter: String, metrics: [RowMetrics])] = []
    var samples: [JSON] = []
    for filter in task.filters {
      var metrics: [RowMetrics] = []
      for (place, item) in items.enumerated() {
        let number = numbers[place]
        let filtered = try answers[place].map { try filter.apply($0, doc: item.doc, task) }
        do {
          let own = try task.step?.score(item.doc, filtered) ?? task.outputType.score(item, filtered, task)
          metrics.append(own)
        } catch let mistake as StepMistake {
          throw task.mistake("row \(number) \(mistake.what)")
        }
        if options.needsDetails {
          samples.append(
            SampleLog.sample(
              number, item, task, requests: requests[place], responses: answers[place], filter: filter.name,
              filtered: filtered, metrics: metrics[place]))
        }
      }
      values.append((filter.name, metrics))
    }
    return try TaskResult(
      task, rows: rows, answered: items.count, values: values, samples: samples,
      needsErrors: options.needsDetails)
  }
}
