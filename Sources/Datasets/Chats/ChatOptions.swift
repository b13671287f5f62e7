// What a recipe says about chats.

package struct ChatOptions: Equatable, Sendable {
  /// A shipped template, a file, or one of several that the model has; nil for the model's own.
  package var template: String?
  /// The folder of the model whose template and special tokens are used.
  package var folder: String?
  package var loss = ChatLoss.answers

  package init(template: String? = nil, folder: String? = nil, loss: ChatLoss = .answers) {
    self.template = template
    self.folder = folder
    self.loss = loss
  }
}
