// Models as tasks see them.
import Evaluation
import Templates

extension TrainedModel {
  /// - Parameter chat: writes prompts as chats; nil for plain texts.
  package func taskModel(chat: ChatTemplate? = nil) throws -> TaskModel {
    try TaskModel(
      replica.description, weights: replica.store, engine: replica.engine, tokenizer: tokenizer,
      folder: folder,
      chat: chat)
  }
}
