// The models that steps of a preparation ask.
import Base
import Collectives
import Datasets
import Foundation
import Generation
import Models
import Preparation
import Recipes
import Reports
import Templates
import Training

/// A loaded model, and how chats are written for it.
struct PreparationModel: TextModel {
  private let model: TrainedModel
  private let chat: ChatEncoder?
  private let progress: (Int) -> Void

  /// Finds what is wrong with the models of a recipe, before any is loaded.
  static func check(_ recipe: PreparationRecipe, _ problems: Problems) {
    for step in recipe.steps.compactMap({ $0 as? any ModelStep }) {
      for folder in step.modelFolders where !folder.isEmpty {
        problems.collect {
          let model = try TrainedModel.description(folder: folder, adapter: nil, ModelSettings())
          switch step.modelUse {
          case .losses where model.head != .languageModel || model.answerStart != nil:
            throw UserError(
              .usage, "predicts no next tokens, which \(type(of: step).name) needs", at: folder)
          case .losses: break
          case .answers(let isChat):
            try model.checkMakesTexts()
            if isChat { _ = try ChatTemplate(folder: folder) }
          }
        }
      }
    }
  }

  /// The models of some folders. Collective.
  static func load(_ folders: [String], _ ranks: Ranks) throws -> [any TextModel] {
    guard !folders.isEmpty else { return [] }
    let threads = Launch.threads(ranks)
    let progress = AnswerProgress(ranks)
    return try folders.map { folder in
      let model = try TrainedModel(folder: folder, settings: ModelSettings(), threads: threads, ranks: ranks)
      return PreparationModel(model, progress: progress.count)
    }
  }

  private init(_ model: TrainedModel, progress: @escaping (Int) -> Void) {
    self.model = model
    self.progress = progress
    chat = (try? ChatTemplate(folder: model.folder)).map {
      ChatEncoder($0, loss: .answers, encoding: model.tokenizer)
    }
  }

  func loss(of text: [UInt8], sequenceLength: Int) throws -> (sum: Double, count: Int) {
    try model.loss(of: text, sequenceLength: sequenceLength)
  }

  func answers(
    to prompts: [[UInt8]], draws: [UInt64], seed: UInt64, _ form: AnswerRequest
  ) throws -> [TextAnswer] {
    var answering = TextAnswering()
    answering.sampling = Sampling(
      temperature: form.temperature, topK: form.topK, topP: form.topP, seed: seed)
    (answering.longest, answering.stops) = (form.longest, form.stops)
    answering.chat = form.isChat ? chat : nil
    answering.progress = progress
    do {
      // The sign of a key stays free.
      return try model.answers(to: prompts, samples: draws.map { Int($0 >> 1) }, answering).map {
        TextAnswer(text: $0.text, isWhole: $0.isWhole)
      }
    } catch let mistake as UnreadablePrompt {
      throw PromptMistake(prompt: mistake.prompt, what: mistake.what)
    }
  }
}

/// Tells now and then how far the answers are.
private final class AnswerProgress {
  private let ranks: Ranks
  private let start = Date()
  private let lines = ProgressLines()
  private var (answers, tokens) = (0, 0)

  init(_ ranks: Ranks) { self.ranks = ranks }

  func count(_ made: Int) {
    answers += 1
    tokens += made
    guard ranks.isFirst else { return }
    lines.tell {
      // Other ranks have about as much to do, and are not asked.
      let rate = Int(Double(tokens * ranks.count) / Date().timeIntervalSince(start))
      return "about \(counted(answers * ranks.count, "answer")), \(grouped(rate)) tokens/s"
    }
  }
}
