// What is asked of the policy service of Apache Sentry: its field numbers and names are those of Sentry 1.5 to 2.1.

enum GrantOption { UNSET = -1, FALSE = 0, TRUE = 1 }

struct TSentryResponseStatus {
  1: required i32 value
  2: required string message
  3: optional string stack
}

struct TSentryPrivilege {
  1: required string privilegeScope
  3: required string serverName
  4: optional string dbName
  5: optional string tableName
  6: optional string URI
  7: required string action
  8: optional i64 createTime
  9: optional GrantOption grantOption
  10: optional string columnName
}

struct TSentryGroup {
  1: required string groupName
}

struct TSentryRole {
  1: required string roleName
  2: required set<TSentryGroup> groups
  3: required string grantorPrincipal
}

struct TListSentryRolesRequest {
  1: required i32 protocol_version
  2: required string requestorUserName
  3: optional string groupName
}

struct TListSentryRolesResponse {
  1: required TSentryResponseStatus status
  2: optional set<TSentryRole> roles
}

struct TListSentryPrivilegesRequest {
  1: required i32 protocol_version
  2: required string requestorUserName
  4: required string roleName
}

struct TListSentryPrivilegesResponse {
  1: required TSentryResponseStatus status
  2: optional set<TSentryPrivilege> privileges
}

struct TCreateSentryRoleRequest {
  1: required i32 protocol_version
  2: required string requestorUserName
  3: required string roleName
}

struct TAlterSentryRoleAddGroupsRequest {
  1: required i32 protocol_version
  2: required string requestorUserName
  3: required string roleName
  5: required set<TSentryGroup> groups
}

struct TAlterSentryRoleGrantPrivilegeRequest {
  1: required i32 protocol_version
  2: required string requestorUserName
  3: required string roleName
  6: optional set<TSentryPrivilege> privileges
}

struct TStatusResponse {
  1: required TSentryResponseStatus status
}

service SentryPolicyService {
  TListSentryRolesResponse list_sentry_roles_by_group(1: TListSentryRolesRequest request)
  TListSentryPrivilegesResponse list_sentry_privileges_by_role(1: TListSentryPrivilegesRequest request)
  TStatusResponse create_sentry_role(1: TCreateSentryRoleRequest request)
  TStatusResponse alter_sentry_role_add_groups(1: TAlterSentryRoleAddGroupsRequest request)
  TStatusResponse alter_sentry_role_grant_privilege(1: TAlterSentryRoleGrantPrivilegeRequest request)
}
