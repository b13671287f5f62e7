// Writes what a model is shown: a description, examples with their answers, and a question. The order and the delimiters
// are those of lm-evaluation-harness 0.4.
import Base
import Templates

struct PromptBuilder {
  let task: TaskDefinition
  let model: TaskModel
  let shots: Int
  /// Whether examples are messages of their own.
  let areTurns: Bool
  private let columns: Set<String>
  /// Whether the choices are what stands before one text.
  private let hasSeveralInputs: Bool
  private var sampler: FewshotSampler?

  /// - Parameters:
  ///   - first: a row, by which tasks of several inputs are known.
  ///   - examples: rows to take examples from.
  init(
    _ task: TaskDefinition, _ model: TaskModel, columns: [String], first: JSON, examples: [JSON], shots: Int,
    seed: Int, areTurns: Bool
  ) throws {
    self.task = task
    self.model = model
    self.shots = shots
    self.areTurns = areTurns
    self.columns = Set(columns)
    sampler = shots > 0 ? FewshotSampler(task.fewshot.kind, docs: examples, seed: seed) : nil
    var isSeveral = false
    if let step = task.step, type(of: step).givesChoices {
      isSeveral = step.hasSeveralInputs
    } else if task.choices != nil, task.text != nil {
      isSeveral = try Self.question(task, task.text, first, self.columns).index != nil
    }
    hasSeveralInputs = isSeveral
  }

  private static func value(
    _ task: TaskDefinition, _ field: DocField?, _ doc: JSON, _ columns: Set<String>
  ) throws -> (value: JSON, isRendered: Bool) {
    guard let field else { return (.null, false) }
    do throws(TemplateError) { return try field.value(of: doc, columns: columns) } catch {
      throw task.mistake("\(field.key) cannot be rendered: \(error.description)")
    }
  }

  /// A text, or a number where a task has several inputs.
  private static func question(
    _ task: TaskDefinition, _ field: DocField?, _ doc: JSON, _ columns: Set<String>
  ) throws -> JSON {
    let (value, isRendered) = try value(task, field, doc, columns)
    guard isRendered, task.choices != nil, let number = value.bytes.flatMap(digits) else { return value }
    return .integer(number)
  }

  private static func digits(_ text: [UInt8]) -> Int? {
    guard !text.isEmpty, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(String(decoding: text, as: UTF8.self))
  }

  private func target(_ field: DocField?, _ doc: JSON) throws -> JSON {
    if let step = task.step, let target = try step.target(doc) { return target }
    let (value, isRendered) = try Self.value(task, field, doc, columns)
    guard isRendered, let text = value.bytes else { return value }
    if task.choices != nil, let number = Self.digits(text) { return .integer(number) }
    if text.count >= 2, text.first == UInt8(ascii: "["), text.last == UInt8(ascii: "]"),
      let literal = PythonLiteral.parse(text)
    {
      return literal
    }
    return value
  }

  private func choices(_ field: DocField?, _ doc: JSON) throws -> [[UInt8]] {
    if let step = task.step, let choices = try step.choices(doc) { return choices }
    guard let field else { return [] }
    let (value, isRendered) = try Self.value(task, field, doc, columns)
    var list: JSON? = value
    if isRendered { list = value.bytes.flatMap(PythonLiteral.parse) }
    let elements = list?.elements ?? list?.members?.map(\.value)
    guard let elements, !elements.isEmpty else {
      throw task.mistake(
        "doc_to_choice gives \(isRendered ? (value.text ?? "").quoted : value.kind), where a list of texts is meant"
      )
    }
    return try elements.map { element in
      guard let text = element.bytes else {
        throw task.mistake("doc_to_choice gives \(element.kind) as a choice")
      }
      return text
    }
  }

  private func text(_ field: DocField?, _ doc: JSON, step: Bool = true) throws -> JSON {
    if step, let own = task.step, let text = try own.text(doc) { return text }
    return try Self.question(task, field, doc, columns)
  }

  /// A description or prefix: a column, or a template.
  private func resolved(_ field: DocField?, _ doc: JSON) throws -> [UInt8]? {
    guard let field else { return nil }
    let value = try Self.value(task, field, doc, columns).value
    guard let text = value.bytes else {
      throw task.mistake("\(field.key) gives \(value.kind), where a text is meant")
    }
    return text.isEmpty ? nil : text
  }

  /// A row with the prompts that come of it. Rows must come in their order, since examples are drawn for one after the
  /// other.
  mutating func item(_ doc: JSON) throws -> Item {
    let prefix = try resolved(task.prefix, doc)
    var messages: [Message] = []
    if let head = try resolved(task.description, doc) {
      messages.append(Message(role: "system", content: head))
    }
    for example in try examples(for: doc) { messages += try turn(ofExample: example) }
    let question = try text(task.text, doc)
    var item = Item(doc: doc, target: try target(task.target, doc))
    if task.choices != nil || task.step.map({ type(of: $0).givesChoices }) == true {
      item.choices = try choices(task.choices, doc)
    }
    if hasSeveralInputs {
      item.rightInput = question.index
      item.contexts = try item.choices.map {
        try written(messages + turn($0, answer: nil, prefix: prefix, delimiters: ([], [])), prefix)
      }
      return item
    }
    if task.outputType is RollingLogLikelihood { return item }
    let own = turn(
      try questionText(question), answer: nil, prefix: prefix, delimiters: (task.targetDelimiter, []))
    item.contexts = [try written(messages + own, prefix)]
    return item
  }

  private func questionText(_ json: JSON) throws -> [UInt8] {
    guard let text = json.bytes else {
      throw task.mistake("doc_to_text gives \(json.kind), where a text is meant")
    }
    return text
  }

  private mutating func examples(for doc: JSON) throws -> [JSON] {
    guard shots > 0, sampler != nil else { return [] }
    // As in the harness, also where neither is given.
    let isOwn = task.fewshot.split == task.testSplit
    do throws(FewshotMistake) {
      return try sampler!.sample(shots, without: isOwn ? doc : nil, before: doc)
    } catch {
      throw UserError(.usage, error.what, at: "task \(task.name)", hint: "give fewer --shots")
    }
  }

  private func turn(ofExample doc: JSON) throws -> [Message] {
    let choices = try choices(task.fewshot.choices ?? task.choices, doc)
    var question = try text(task.fewshot.text ?? task.text, doc)
    let target = try target(task.fewshot.target ?? task.target, doc)
    var answer: [UInt8]
    if hasSeveralInputs {
      guard let place = question.index, choices.indices.contains(place) else {
        throw task.mistake("doc_to_text gives no number of a choice")
      }
      question = .string(choices[place])
      answer = PythonLiteral.text(target)
    } else if let place = target.index, !choices.isEmpty {
      guard choices.indices.contains(place) else {
        throw task.mistake("doc_to_target gives no number of a choice")
      }
      answer = choices[place]
    } else if let several = target.elements {
      answer = several.first.map { PythonLiteral.text($0) } ?? []
    } else {
      answer = PythonLiteral.text(target)
    }
    let prefix = try resolved(task.fewshot.prefix, doc)
    if let prefix { answer = Delimiting.joined(prefix, answer, by: [0x20]) }
    return turn(
      try questionText(question), answer: answer, prefix: prefix,
      delimiters: (task.fewshot.targetDelimiter, task.fewshot.fewshotDelimiter))
  }

  private func turn(
    _ question: [UInt8], answer: [UInt8]?, prefix: [UInt8]?, delimiters: (target: [UInt8], few: [UInt8])
  ) -> [Message] {
    let hasAnswer = answer.map { !$0.isEmpty } ?? false
    let isDelimited = prefix.map { Delimiting.needsDelimiter(question, $0) } ?? hasAnswer
    let user = Message(role: "user", content: question, delimiter: isDelimited ? delimiters.target : [])
    if let answer, hasAnswer {
      return [user, Message(role: "assistant", content: answer, delimiter: delimiters.few)]
    }
    if let prefix { return [user, Message(role: "assistant", content: prefix)] }
    return [user]
  }

  private func written(_ messages: [Message], _ prefix: [UInt8]?) throws -> [UInt8] {
    guard model.chat != nil else { return messages.text }
    return try model.rendered(areTurns ? messages : messages.inOneTurn, addsPrompt: prefix == nil, task.name)
  }
}

extension TaskDefinition {
  /// Whether `gen_prefix` is given and does not end in white space.
  var prefixEndsOpen: Bool {
    guard let text = config["gen_prefix"]?.bytes, !text.isEmpty else { return false }
    return !Delimiting.endsInSpace(text)
  }
}
