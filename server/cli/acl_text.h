// ACLs as text, "scheme:id:perms,scheme:id:perms", both ways. Pure.
// Source: AclParser, ZKUtil.getPermString; a mistyped right is refused here, where Apache's shell goes on without it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "jute/protocol.h"

namespace zk::cli {

/// The id is what stands between the first and the last colon. No rights at all ("world:anyone:") are an ACL, too.
/// Errors: Errc::invalid, naming the entry.
Result<jute::AclList> read_acl(std::string_view text);
/// "cdrwa"
std::string perms_text(std::int32_t perms);

}  // namespace zk::cli
