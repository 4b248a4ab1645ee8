"""The sentence for an operation that the broker's access lists deny to this client's user."""

from kafka.errors import ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError


def lacks(permission: str) -> str:
    """Say which permission is missing, named as Kafka's own tools name it."""
    return f"The Kafka user of SAFAR_LOG_URL lacks the permission {permission}."


def explain(error: BaseException, otherwise: str, *, operation: str, topic: str, group: str = "") -> str:
    """Name the permission that is missing for this `operation`, or say `otherwise` when the error is another one."""
    if isinstance(error, GroupAuthorizationFailedError):
        return lacks(f"Read on the group {group}")
    # Who may write to no topic is not given a producer's number either, which kafka-python tells by its text alone.
    about_cluster = ClusterAuthorizationFailedError.__name__ in str(error)
    if isinstance(error, TopicAuthorizationFailedError) or about_cluster:
        return lacks(f"{operation} on the topic {topic}")
    return otherwise
