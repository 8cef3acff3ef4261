#include "prep/quota_check.h"

#include "jute/quota_text.h"
#include "tree/path.h"

namespace zk::prep {
namespace {

std::int64_t sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

}  // namespace

ErrorCode QuotaCheck::check(const tree::DataTree& tree,
                            std::string_view path,
                            std::int64_t nodes_more,
                            std::int64_t bytes_more,
                            WallMs time) {
    const std::optional<std::string_view> quota = tree.quotas().above(path);
    if (!quota) return ErrorCode::ok;
    const auto read = [&tree](const std::string& node_path) {
        const tree::Node* node = tree.find(node_path);
        const auto text = node == nullptr ? std::nullopt : node->data();
        return text ? jute::parse_quota(*text) : std::nullopt;
    };
    const auto limits = read(jute::limits_path(*quota));
    if (!limits) return ErrorCode::marshalling_error;
    const bool counts = nodes_more != 0 && (limits->count > -1 || limits->count_hard > -1);
    const bool weighs = bytes_more != 0 && (limits->bytes > -1 || limits->bytes_hard > -1);
    if (!counts && !weighs) return ErrorCode::ok;
    if (tree.find(jute::stats_path(*quota)) == nullptr) return ErrorCode::ok;
    const auto used = read(jute::stats_path(*quota));
    if (!used) return ErrorCode::marshalling_error;
    ErrorCode error = ErrorCode::ok;
    if (counts) {
        error = check(*quota,
                      {"nodes", limits->count, limits->count_hard, sum(used->count, nodes_more)},
                      time);
    }
    if (error == ErrorCode::ok && weighs) {
        error = check(*quota,
                      {"bytes", limits->bytes, limits->bytes_hard, sum(used->bytes, bytes_more)},
                      time);
    }
    return error;
}

ErrorCode QuotaCheck::check(std::string_view quota, const Limit& limit, WallMs time) {
    const bool hard = limit.hard > -1;
    const std::int64_t most = hard ? limit.hard : limit.soft;
    if (limit.would_be <= most) return ErrorCode::ok;
    if (hard) ++refused_[std::string(tree::namespace_of(quota))];
    const bool again = told_ && told_->quota == quota && time >= told_->at &&
                       time.value() - told_->at.value() < kTellAgain_ms;
    if (again) {
        ++told_->since;
    } else {
        log_.warn("quota.exceeded path={} what={} would_be={} limit={} hard={} before={}",
                  quota,
                  limit.what,
                  limit.would_be,
                  most,
                  hard,
                  told_ ? told_->since : 0);
        told_ = Told{std::string(quota), time, 0};
    }
    return hard ? ErrorCode::quota_exceeded : ErrorCode::ok;
}

}  // namespace zk::prep
