#include "tree/data_tree.h"

namespace zk::tree {

Walk::Walk(const DataTree& tree)
    : tree_(&tree),
      start_zxid_(tree.last_zxid()),
      acl_end_(tree.acl().next_id()),
      generation_(tree.generation_) {}

bool Walk::next(VisitedNode& out) {
    if (tree_->generation_ != generation_) aborted_ = true;
    if (aborted_) return false;
    if (!started_) {
        started_ = true;
        const Node* root = tree_->find("");
        if (root == nullptr) return false;
        visit(*root, out);
        return true;
    }
    while (!frames_.empty()) {
        Frame& frame = frames_.back();
        path_.resize(frame.path_size);
        if (frame.removals != tree_->removals_) {
            frame.node = tree_->find(path_);
            frame.removals = tree_->removals_;
            if (frame.node != nullptr && frame.node->stat().czxid > start_zxid_) {
                frame.node = nullptr;  // deleted and created anew: its txns are in the log
            }
        }
        if (frame.node == nullptr || frame.next == frame.names.size()) {
            frames_.pop_back();
            continue;
        }
        const std::string& name = frame.names[frame.next++];
        const Node* node = frame.node->child(name);
        if (node == nullptr || node->stat().czxid > start_zxid_) continue;
        path_ += '/';
        path_ += name;
        visit(*node, out);
        return true;
    }
    return false;
}

void Walk::visit(const Node& node, VisitedNode& out) {
    out.path = path_;
    out.data = node.data();
    out.acl = node.acl_id() < acl_end_ ? node.acl_id() : kReadOnlyAcl;
    out.stat = node.stat();
    if (node.child_count() > 0) {
        frames_.push_back(Frame{path_.size(), node.child_names(), 0, &node, tree_->removals_});
    }
}

}  // namespace zk::tree
