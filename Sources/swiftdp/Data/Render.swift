// swiftdp data render
import ArgumentParser
import Base
import Datasets
import Templates
import Tokenizers

extension DataCommand {
  struct Render: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print each chat of a file as its model's template writes it, one line of JSON for each row.",
      discussion: """
        A row has "messages", and perhaps "tools" and "chat_template_kwargs". Where the template raises an error, the line is
        {"error": …}. docs/templates.md says what templates may use.
        """)

    @Option(
      help: "A Hugging Face model folder: its chat template, special tokens and tokenizer.",
      transform: Launch.path)
    var model: String
    @Option(
      help: ArgumentHelp(
        "A template instead of the folder's: a file that ends in .jinja, or the name of one.",
        valueName: "name"))
    var template: String?
    @Flag(help: "Print the token ids instead of the text.")
    var ids = false
    @Flag(help: "Print which tokens an answer consists of: 0 or 1 for each.")
    var mask = false
    @Flag(help: "Add the beginning of an answer.")
    var generationPrompt = false
    @Argument(help: "A file of rows, such as a .jsonl file.", transform: Launch.path)
    var file: String

    func run() throws {
      let problems = Problems()
      for mistake in [UserError.noModelFolder(model, at: "--model"), UserError.noFile(file)] {
        if let mistake { problems.add(mistake) }
      }
      if ids, mask { problems.add(.usage, "go not together", at: "--ids and --mask") }
      try problems.throwIfAny()
      let chosen = try template.map { $0.hasSuffix(".jinja") ? try Launch.path($0) : $0 }
      let chat = problems.collect { try ChatTemplate(chosen, folder: model) }
      let tokenizer = ids || mask ? problems.collect { try Tokenizer(folder: model) } : nil
      try problems.throwIfAny()
      guard let chat else { preconditionFailure("an error was collected") }
      try write(
        RenderedRows(template: chat, tokenizer: tokenizer, showsMask: mask, addsPrompt: generationPrompt))
    }

    private func write(_ rows: RenderedRows) throws {
      var out = ""
      var failure: (any Error)?
      try DataOptions(train: [file], packing: false, sequenceLength: 1, seed: 0).forEachRow { json, place in
        guard failure == nil else { return }
        do {
          out += try rows.line(json, at: place) + "\n"
          if out.utf8.count > 1 << 16 {
            try StandardStream.output.writeAll(out)
            out = ""
          }
        } catch { failure = error }
      }
      try StandardStream.output.writeAll(out)
      if let failure { throw failure }
    }
  }
}

/// What `data render` prints for rows.
private struct RenderedRows {
  let template: ChatTemplate
  /// Nil where the text is shown.
  let tokenizer: Tokenizer?
  let showsMask: Bool
  let addsPrompt: Bool

  /// - Parameter place: of the row, for messages.
  /// - Throws: `UserError` where the row is no chat. What a template raises becomes a line.
  func line(_ row: JSON, at place: String) throws -> String {
    guard let messages = row["messages"] else {
      throw UserError(
        .data, "has no \"messages\"", at: place, hint: "a row is {\"messages\": [{\"role\", \"content\"} …]}")
    }
    let extra = row["chat_template_kwargs"] ?? .null
    guard extra.isNull || extra.members != nil else {
      throw UserError(.data, "\"chat_template_kwargs\" must be an object, but is \(extra.kind)", at: place)
    }
    do throws(TemplateError) {
      let rendered = try template.render(
        messages: messages, tools: row["tools"], addGenerationPrompt: addsPrompt, extra: extra.members ?? [])
      return shown(rendered, row).encoded()
    } catch {
      return JSON.object(["error": .string(error.message)]).encoded()
    }
  }

  private func shown(_ rendered: RenderedText, _ row: JSON) -> JSON {
    guard let tokenizer else { return .string(rendered.text) }
    if showsMask { return mask(rendered, row, tokenizer) }
    return .array(tokenizer.encode(rendered.text, addSpecialTokens: false).map { .integer(Int($0)) })
  }

  private func mask(_ rendered: RenderedText, _ row: JSON, _ tokenizer: Tokenizer) -> JSON {
    if template.marksGeneration {
      return .array(Self.mask(tokenizer.encodeWithPlaces(rendered.text).places, rendered.generated))
    }
    // Templates without the block tell by what each message adds to the text.
    let messages = (row["messages"]?.elements ?? []).map {
      Conversation.Message(json: $0, role: $0["role"]?.text ?? "")
    }
    let conversation = Conversation(
      messages: messages, tools: row["tools"], extra: row["chat_template_kwargs"]?.members ?? [])
    do throws(ChatMistake) {
      let encoded = try ChatEncoder(template, loss: .answers, encoding: tokenizer).encode(conversation)
      var mask = [JSON](repeating: .integer(0), count: encoded.tokens.count)
      for range in encoded.targets { for token in range { mask[token] = .integer(1) } }
      return .array(mask)
    } catch {
      return JSON.object(["error": .string(error.what)])
    }
  }

  /// Which tokens overlap the marked parts, as transformers finds `assistant_masks`.
  private static func mask(_ places: [Range<Int>], _ parts: [Range<Int>]) -> [JSON] {
    var part = 0
    return places.map { place in
      while part < parts.count, place.lowerBound >= parts[part].upperBound { part += 1 }
      return .integer(part < parts.count && place.upperBound > parts[part].lowerBound ? 1 : 0)
    }
  }
}
