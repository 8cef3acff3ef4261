#include "tree/data_tree.h"

namespace zk::tree {

Walk::Walk(const DataTree& tree)
    : tree_(&tree),
      walks_(tree.walks()),
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
        if (frame.next == frame.children.size()) {
            frames_.pop_back();
            continue;
        }
        const Node* node = frame.children[frame.next++];
        if (node->removed_ || node->czxid_ > start_zxid_) continue;
        path_ += '/';
        path_ += node->name();
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
    if (node.child_count() > 0) frames_.push_back(Frame{path_.size(), node.list_children(), 0});
}

}  // namespace zk::tree
